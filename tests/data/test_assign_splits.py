import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dann_tfbs.data import records
from dann_tfbs.data.assign_splits import assign_splits, in_some_split, split_rule
from dann_tfbs.data.intervals import make_intervals
from dann_tfbs.data.recipe import SplitSettings
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import encode


def random_texts(rng, n, length=40):
    return ["".join(rng.choice(list("ACGT"), length)) for _ in range(n)]


def opposite(text):
    return text[::-1].translate(str.maketrans("ACGT", "TGCA"))


def at(places, texts, group=""):
    chrom, start = zip(*places, strict=True)
    where = make_intervals(list(chrom), list(start), [s + 40 for s in start])
    return records.make_records(encode(texts), intervals=where, group=group)


def unplaced(texts, group=""):
    return records.make_records(encode(texts), group=group)


def labels(positives, negatives):
    return np.repeat([1, 0], [positives, negatives]).astype(np.int8)


def test_auto_goes_by_chromosome_only_where_every_positive_has_coordinates(rng):
    a, b = random_texts(rng, 2)
    placed, loose = at([("chr1", 5)], [a]), unplaced([b])
    auto = SplitSettings()
    assert split_rule(auto, placed) == "chromosome"
    assert split_rule(auto, loose) == "hash"
    assert split_rule(auto, records.concatenate([placed, loose])) == "hash"
    assert split_rule(SplitSettings(by="hash"), placed) == "hash"
    with pytest.raises(InputError, match=r"split\.by.*without coordinates.*Use hash"):
        split_rule(SplitSettings(by="chromosome"), loose)
    with pytest.raises(InputError, match="without coordinates"):
        split_rule(SplitSettings(test_chromosomes=("chr1",)), loose)


def test_only_numbered_and_sex_chromosomes_are_used_unless_test_chromosomes_are_named(rng):
    found = at([("chr1", 0), ("chrM", 0), ("chr2", 0), ("chrX", 0)], random_texts(rng, 4))
    found = records.concatenate([found, unplaced(random_texts(rng, 1))])
    used = in_some_split(SplitSettings(), "chromosome", found)
    assert used.tolist() == [True, False, True, True, True]
    named = SplitSettings(test_chromosomes=("chr2",))
    assert in_some_split(named, "chromosome", found).all()
    assert in_some_split(SplitSettings(), "hash", found).all()


def test_odd_chromosomes_train_and_even_ones_test(rng):
    places = [("chr1", 10), ("chr2", 10), ("chr3", 10), ("chr22", 10), ("chrX", 10)]
    found = at(places, random_texts(rng, 5))
    plain = SplitSettings(validation=0)
    (side,) = assign_splits(plain, [(found, labels(3, 2))], 0)
    assert side.names.tolist() == ["train", "test", "train", "test", "train"]
    assert side.report["by"] == "chromosome"
    assert side.report["counts"] == {"train": 3, "validation": 0, "test": 2}
    named = SplitSettings(validation=0, test_chromosomes=("chr3", "chrX"))
    (side,) = assign_splits(named, [(found, labels(3, 2))], 0)
    assert side.names.tolist() == ["train", "train", "test", "train", "test"]


def test_negatives_without_coordinates_get_the_positives_shares(rng):
    # 300 positives, a third of them on the test chromosome.
    places = [(f"chr{1 + (i % 3 == 0)}", 100 * i) for i in range(300)]
    texts = random_texts(rng, 2300)
    found = records.concatenate([at(places, texts[:300]), unplaced(texts[300:])])
    (side,) = assign_splits(SplitSettings(validation=0), [(found, labels(300, 2000))], 5)
    assert (side.names[:300] == "test").sum() == 100
    # 2000 draws with probability 1/3: mean 667, standard deviation 21.
    assert 580 < (side.names[300:] == "test").sum() < 750
    assert set(side.names) == {"train", "test"}


def test_hash_keeps_relatives_together_also_across_assays(rng):
    long = random_texts(rng, 200, 71)
    first = unplaced([text[:40] for text in long])
    # Of the second assay, each sequence shares 31 bp with its partner, half of them on the other
    # strand; the partners of partners are chained by position 31.
    second = unplaced([t[9:49] if i % 2 else opposite(t[9:49]) for i, t in enumerate(long)])
    sides = assign_splits(
        SplitSettings(test=0.3, validation=0.3),
        [(first, labels(100, 100)), (second, labels(100, 100))],
        1,
    )
    assert sides[0].names.tolist() == sides[1].names.tolist()
    assert set(sides[0].names) == {"train", "validation", "test"}
    assert [side.report["by"] for side in sides] == ["hash", "hash"]
    assert sum(sides[0].report["counts"].values()) == 200


def test_hash_shares_and_seed(rng):
    found = unplaced(random_texts(rng, 4000))
    share = SplitSettings(test=0.25, validation=0.2)
    first, again, other = (
        assign_splits(share, [(found, labels(2000, 2000))], seed)[0].names for seed in (3, 3, 4)
    )
    # .25 test; .2 of the other .75 validate. Three standard deviations are 83 of 4000 and less.
    assert abs((first == "test").sum() - 1000) < 90
    assert abs((first == "validation").sum() - 600) < 75
    assert (first == again).all()
    assert (first != other).mean() > 0.3


def test_groups_test_as_a_whole_and_foreign_negatives_follow_the_positives(rng):
    texts = random_texts(rng, 1500)
    found = records.concatenate(
        [
            unplaced(texts[:300], "R0"),
            unplaced(texts[300:400], "R2"),
            unplaced(texts[400:500], "R2"),  # negatives of the tested replicate
            unplaced(texts[500:], "genome"),
        ]
    )
    group = SplitSettings(by="group", test_groups=("R2",), validation=0.2)
    (side,) = assign_splits(group, [(found, labels(400, 1100))], 0)
    assert set(side.names[:300]) == {"train", "validation"}
    assert set(side.names[300:500]) == {"test"}
    # A quarter of the positives test: so do a quarter of the 1000 others, sd 14.
    assert 200 < (side.names[500:] == "test").sum() < 300
    assert side.report["test_groups"] == ["R2"]


@pytest.mark.parametrize(("named", "count"), [(("R9",), 0), (("R0", "R2"), 2)])
def test_some_but_not_all_groups_must_test(rng, named, count):
    found = records.concatenate(
        [unplaced(random_texts(rng, 3), "R0"), unplaced(random_texts(rng, 3), "R2")]
    )
    with pytest.raises(InputError, match=rf"test_groups.*name {count} of 2 groups.*of R0, R2"):
        assign_splits(SplitSettings(by="group", test_groups=named), [(found, labels(6, 0))], 0)


def test_all_rows_in_one_split(rng):
    found = at([("chr1", 0), ("chrM", 0)], random_texts(rng, 2))
    (side,) = assign_splits(SplitSettings(by="all", name="validation"), [(found, labels(1, 1))], 0)
    assert side.names.tolist() == ["validation", "validation"]
    assert side.report["counts"]["validation"] == 2


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(0, 60), st.integers(15, 60))
def test_no_sequence_or_its_opposite_strand_stands_in_two_splits(seed, n, repeats, length):
    rng = np.random.default_rng(seed)
    texts = random_texts(rng, n, length)
    copies = [texts[i] for i in rng.integers(0, n, repeats)]
    copies = [opposite(text) if rng.random() < 0.5 else text for text in copies]
    share = SplitSettings(test=0.4, validation=0.5)
    found = unplaced(texts + copies)
    (side,) = assign_splits(share, [(found, labels(n, repeats))], seed)
    seen = {}
    for text, name in zip(texts + copies, side.names, strict=True):
        assert seen.setdefault(min(text, opposite(text)), name) == name
