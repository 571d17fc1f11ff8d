import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dann_tfbs.data.intervals import make_intervals
from dann_tfbs.data.split import (
    chromosome_numbers,
    leakage,
    split_by_chromosome,
    split_by_hash,
)
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import concatenate, encode, from_codes, reverse_complement

HALVES = {"train": 0.5, "test": 0.5}


def on(*chroms, start=1000):
    return make_intervals(list(chroms), [start] * len(chroms), [start + 100] * len(chroms))


def random_sequences(n, length, seed=0):
    return from_codes(np.random.default_rng(seed).integers(0, 4, (n, length), dtype=np.uint8))


def test_ibis_rule():
    names = ["chr1", "chr2", "chr21", "chr22", "chrX", "chrM", "chr6_GL000250v2_alt", "chrUn_1", ""]
    split = split_by_chromosome(on(*names))
    sides = ["train", "test", "train", "test", "train", "unused", "test", "unused", "unused"]
    assert split.names.tolist() == sides
    assert split.report["counts"] == {"train": 3, "test": 3, "unused": 3}


def test_yeast_numerals():
    split = split_by_chromosome(on("chrI", "chrII", "chrIX", "chrX", "chrXVI", "chrM"))
    assert split.names.tolist() == ["train", "test", "train", "test", "test", "unused"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["chrX"], [None]),
        (["chrX", "chrY", "chrM"], [None, None, None]),
        (["1", "X"], [1, None]),
        (["chr2L", "chr3R", "chr4", "chrX"], [2, 3, 4, None]),
        (["I", "IV", "X"], [1, 4, 10]),
        (["chrXIV", "chrXIX"], [14, 19]),
    ],
)
def test_numbers_of_names(names, expected):
    assert [chromosome_numbers(names)[name] for name in names] == expected


def test_chromosomes_of_the_users_choice():
    rule = {"test": ["chr8"], "validation": ["chr9"]}
    split = split_by_chromosome(on("chr8", "chr9", "chr2", "chrM"), rule)
    assert split.names.tolist() == ["test", "validation", "train", "train"]


def test_validation_chromosomes_leave_the_training_side():
    split = split_by_chromosome(on("chr1", "chr3", "chr2"), validation=["chr3"])
    assert split.names.tolist() == ["train", "validation", "test"]


def test_validation_share_takes_whole_blocks_of_training_chromosomes():
    start = np.arange(0, 400_000_000, 50_000)
    intervals = make_intervals(["chr1"] * len(start), start, start + 100)
    names = split_by_chromosome(intervals, validation=0.25).names
    blocks = names.reshape(-1, 20)  # 20 starts a Mb
    assert (blocks == blocks[:, :1]).all()
    assert 0.15 < (names == "validation").mean() < 0.35
    rows = slice(30, 5000)
    again = split_by_chromosome(intervals.take(rows), validation=0.25).names
    assert (again == names[rows]).all()
    assert (split_by_chromosome(intervals, validation=0.25, seed=1).names != names).any()
    even = make_intervals(["chr2"] * len(start), start, start + 100)
    assert set(split_by_chromosome(even, validation=0.25).names) == {"test"}


def test_bad_chromosome_rules():
    with pytest.raises(InputError, match=r"no record lies on 8, stated as test.*chr1"):
        split_by_chromosome(on("chr1"), {"test": ["8"]})
    with pytest.raises(InputError, match="chr1 is stated both as test and validation"):
        split_by_chromosome(on("chr1"), {"test": ["chr1"], "validation": ["chr1"]})
    with pytest.raises(InputError, match=r"no split rule 'odd'.*'ibis'"):
        split_by_chromosome(on("chr1"), "odd")
    with pytest.raises(InputError, match=r"share is 1\.0"):
        split_by_chromosome(on("chr1"), validation=1.0)


def test_relatives_land_on_one_side():
    parents = random_sequences(300, 60)
    shifted = from_codes(np.roll(parents.codes, 15, axis=1))  # shares 45 bases, not aligned
    family = concatenate([parents, reverse_complement(parents), shifted])
    names = split_by_hash(family, HALVES, seed=1).names.reshape(3, 300)
    assert (names == names[0]).all()
    assert 0.4 < (names[0] == "train").mean() < 0.6


def test_links_are_transitive():
    chain = random_sequences(1, 400).codes[0]
    # Neighbours share 40 bases, the ends nothing.
    pieces = from_codes(np.stack([chain[i : i + 80] for i in range(0, 321, 40)]))
    for seed in range(10):
        split = split_by_hash(pieces, HALVES, seed)
        assert len(set(split.names)) == 1
    assert split.report["largest_component"] == 9
    assert "9 of 9 sequences are linked" in split.report["warnings"][0]


def test_short_reads_are_linked_by_equality_alone():
    reads = encode(["ACGTTTGCAGGATTACAGCA", "CGTTTGCAGGATTACAGCAA", "TGCTGTAATCCTGCAAACGT"])
    split = split_by_hash(reads, HALVES, seed=0)
    assert split.report["components"] == 2  # the third is the first's reverse complement


def test_sides_of_this_version_are_kept():
    # Neither the platform nor the library versions may move a record.
    names = split_by_hash(encode(["ACGTACGTAC", "GGGTTTAAAC", "TTTTTTTTTT"]), HALVES, 7).names
    assert names.tolist() == ["test", "test", "test"]


@settings(max_examples=30)
@given(st.integers(0, 2**63), st.integers(1, 60), st.randoms(use_true_random=False))
def test_adding_and_reordering_unrelated_rows_moves_none(seed, kept, random):
    everything = random_sequences(80, 50, seed=3)
    names = split_by_hash(everything, {"train": 0.6, "validation": 0.1, "test": 0.3}, seed).names
    rows = np.array(random.sample(range(80), kept))
    fewer = split_by_hash(
        everything.take(rows), {"train": 0.6, "validation": 0.1, "test": 0.3}, seed
    )
    assert (fewer.names == names[rows]).all()


def test_fractions_are_reached():
    split = split_by_hash(random_sequences(5000, 25), {"train": 0.7, "test": 0.3}, seed=0)
    assert abs(split.report["counts"]["test"] - 1500) < 130  # four standard deviations
    assert split.report["warnings"] == []


def test_bad_fractions():
    with pytest.raises(InputError, match="do not sum to 1"):
        split_by_hash(random_sequences(3, 20), {"train": 0.5, "test": 0.4}, seed=0)


def test_leakage_by_hand():
    base = random_sequences(6, 50)
    shares_end = base.codes[2].copy()
    shares_end[31:] = 3 - shares_end[31:]
    held_out = from_codes(np.stack([base.codes[0], 3 - base.codes[1][::-1], shares_end]))
    splits = np.array(["train"] * 6 + ["test"] * 3 + ["unused"], dtype=object)
    everything = concatenate([base, held_out, base.take(np.array([4]))])
    assert leakage(everything, splits) == {
        "test in train": {"exact": 1, "reverse_complement": 1, "shared_kmer": 3}
    }


def test_a_hash_split_leaks_nothing():
    parents = random_sequences(100, 60)
    family = concatenate([parents, reverse_complement(parents), parents])
    split = split_by_hash(family, {"train": 0.6, "validation": 0.2, "test": 0.2}, seed=4)
    found = leakage(family, split.names)
    assert set(found) == {"validation in train", "test in train", "test in validation"}
    assert all(count == 0 for counts in found.values() for count in counts.values())
