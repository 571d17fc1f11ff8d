import numpy as np
import pytest

from dann_tfbs import sequence
from dann_tfbs.data.records import NO_CYCLE, make_records
from dann_tfbs.errors import InputError
from dann_tfbs.testsets.reads import ReadFile, read_parts, usable_reads


def file(tf, cycle, *texts, replicate=0, is_input=False):
    made = make_records(sequence.encode(texts), group=f"R{replicate}", cycle=cycle)
    return ReadFile(tf, is_input, made)


def many(rng, n, length=12):
    return sequence.decode(sequence.from_codes(rng.integers(0, 4, (n, length), dtype=np.uint8)))


def texts(records):
    return sequence.decode(records.sequences)


def test_a_read_of_two_files_is_in_none_on_either_strand():
    files = [
        file("A", 1, "AACC", "AACG", "AACG", "ACNT", "ACTGA"),
        file("A", 2, "CGTT", "AATT"),  # CGTT is AACG on the other strand
        file("", 0, "AATT", "CCCA", is_input=True),
    ]
    kept, dropped = usable_reads(files, one_file_only=True)
    assert [texts(one.reads) for one in kept] == [["AACC"], [], ["CCCA"]]
    assert dropped == {"holds N": 1, "other length": 1, "repeated": 1, "in several files": 4}


def test_without_that_rule_a_read_stays_once_in_each_file():
    kept, dropped = usable_reads(
        [file("A", 1, "AACC", "AACC"), file("B", 1, "AACC")], one_file_only=False
    )
    assert [texts(one.reads) for one in kept] == [["AACC"], ["AACC"]]
    assert dropped["repeated"] == 1


def test_positives_are_balanced_over_cycles_and_in_them_over_replicates(rng):
    files = [
        file("A", 1, *many(rng, 100), replicate=0),
        file("A", 1, *many(rng, 10), replicate=1),
        file("A", 2, *many(rng, 100), replicate=0),
        file("A", 4, *many(rng, 5), replicate=0),
    ]
    kept, _ = usable_reads(files, one_file_only=True)
    positives, _, report = read_parts("A", kept, 2, 65, rng)
    # 5 of cycle 4; the other 60 shared by two cycles; in cycle 1 ten of replicate 1, the rest of 0.
    assert report["positives"]["by_label"] == {"1": 30, "2": 30, "4": 5}
    of_one = positives.group[positives.label == 1]
    assert sorted(of_one.tolist()) == ["R0"] * 20 + ["R1"] * 10


def test_aliens_are_reads_of_other_tfs_of_the_same_cycle(rng):
    pools = {cycle: many(rng, 200) for cycle in (1, 2)}
    files = [file("A", cycle, *many(rng, 20)) for cycle in (1, 2)]
    files += [file("B", cycle, *pools[cycle]) for cycle in (1, 2)]
    files += [file("B", 3, *many(rng, 200)), file("A", 0, *many(rng, 300), is_input=True)]
    kept, _ = usable_reads(files, one_file_only=True)
    positives, parts, _ = read_parts("A", kept, 2, None, rng)
    own = texts(parts["aliens"])
    for cycle in (1, 2):
        assert len(set(own) & set(pools[cycle])) == 2 * int((positives.label == cycle).sum())
    assert len(parts["input"]) == 2 * len(positives)
    assert set(parts["input"].label.tolist()) == {0}
    assert set(parts["input"].group.tolist()) == {None}


def test_negatives_follow_the_gc_of_the_positives(rng):
    strong = ["".join(rng.choice(list("GCA"), 20)) for _ in range(100)]
    files = [file("A", 1, *strong), file("", 0, *many(rng, 3000, 20), is_input=True)]
    kept, _ = usable_reads(files, one_file_only=True)
    positives, parts, report = read_parts("A", kept, 2, None, rng)
    means = [sequence.gc_content(p.sequences).mean() for p in (positives, parts["input"])]
    assert means[0] == pytest.approx(means[1], abs=0.05)
    assert means[0] > 0.6
    assert report["backgrounds"]["input"]["gc_distance"] < 0.1


def test_a_tf_has_its_own_library_before_those_of_none(rng):
    own, common = many(rng, 50), many(rng, 50)
    files = [
        file("A", 1, *many(rng, 5)),
        file("A", 0, *own, is_input=True),
        file("", 0, *common, is_input=True),
        file("B", 1, *many(rng, 5)),
    ]
    kept, _ = usable_reads(files, one_file_only=True)
    _, parts, _ = read_parts("A", kept, 2, None, rng)
    assert set(texts(parts["input"])) <= set(own)
    _, parts, _ = read_parts("B", kept, 2, None, rng)
    assert set(texts(parts["input"])) <= set(common)


def test_without_cycles_every_label_is_one_and_a_bound_read_is_no_negative(rng):
    shared = "AACCGGTTAC"
    files = [
        file("A", NO_CYCLE, shared, *many(rng, 5, 10)),
        file("B", NO_CYCLE, shared, *many(rng, 50, 10)),
        file("", 0, shared, *many(rng, 50, 10), is_input=True),
    ]
    kept, _ = usable_reads(files, one_file_only=False)
    positives, parts, report = read_parts("A", kept, 5, None, rng)
    assert positives.label.tolist() == [1] * 6
    assert positives.group.tolist() == [None] * 6
    for background in ("aliens", "input"):
        assert len(parts[background]) == 30
        assert shared not in texts(parts[background])
        assert report["backgrounds"][background]["dropped"] == {"read of a positive": 1}


def test_a_tf_whose_reads_all_repeat_one_another_is_an_error(rng):
    kept, _ = usable_reads([file("A", 1, "AACC"), file("A", 2, "AACC")], one_file_only=True)
    with pytest.raises(InputError, match="no bound read of A is left"):
        read_parts("A", kept, 2, None, rng)
