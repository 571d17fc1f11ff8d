import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dann_tfbs.data.kmers import (
    canonical_sequence_hash,
    distinct,
    is_among,
    kmer_chunks,
    kmer_columns,
    kmer_counts,
    sequence_hash,
)
from dann_tfbs.sequence import decode, encode, reverse_complement

dna = st.text(alphabet="ACGTN", max_size=45)
PAIR = str.maketrans("ACGTN", "TGCAN")


def opposite(text):
    return text.translate(PAIR)[::-1]


def windows(text, k):
    return [text[i : i + k] for i in range(len(text) - k + 1) if "N" not in text[i : i + k]]


def kmers(texts, k):
    empty = np.empty(0, np.uint64), np.empty(0, np.int64)
    parts = zip(empty, *kmer_chunks(encode(texts), k), strict=True)
    return tuple(np.concatenate(part) for part in parts)


def test_canonical_kmers_by_hand():
    # 2 bits a base: AC = 1, CG = 6, GT = 11 whose opposite strand is AC = 1.
    hashes, rows = kmers(["ACGT", "ANCG"], 2)
    assert hashes.tolist() == [1, 6, 1, 6]
    assert rows.tolist() == [0, 0, 0, 1]


def test_the_longest_kmer_fits():
    hashes, _ = kmers(["T" * 31, "A" * 30 + "C"], 31)
    assert hashes.tolist() == [0, 1]


@given(st.lists(dna, max_size=5), st.integers(1, 31))
def test_kmers_agree_with_slicing_text(texts, k):
    expected = []
    for row, text in enumerate(texts):
        for window in windows(text, k):
            digits = min(window, opposite(window)).translate(str.maketrans("ACGT", "0123"))
            expected.append((int(digits, 4), row))
    hashes, rows = kmers(texts, k)
    assert list(zip(hashes.tolist(), rows.tolist(), strict=True)) == expected


def test_hashes_never_change():
    # Splits stored by earlier versions rest on these numbers.
    assert canonical_sequence_hash(encode(["ACGTN"])).tolist() == [0x1CEDEDF77444640B]


@given(st.lists(dna, min_size=1, max_size=5))
def test_hash_is_that_of_either_strand_and_of_no_batch(texts):
    batch = encode(texts)
    together = canonical_sequence_hash(batch)
    assert together.tolist() == canonical_sequence_hash(reverse_complement(batch)).tolist()
    alone = [int(canonical_sequence_hash(encode([text]))[0]) for text in texts]
    assert together.tolist() == alone


def test_different_sequences_hash_differently():
    texts = [a + b + "A" * n for a in "ACGTN" for b in "ACGTN" for n in range(40)]
    assert np.unique(sequence_hash(encode(texts))).size == len(set(texts))


def test_kmer_columns_of_both_strands():
    assert [len(kmer_columns(k)) for k in (1, 2, 6)] == [2, 10, 2080]
    assert len(kmer_columns(3, canonical=False)) == 64


def test_counts_by_hand():
    # AAC of AACGTT is GTT on the other strand, ACG is CGT; AAANA holds only AAA.
    counts = kmer_counts(encode(["AACGTT", "AAANA"]), 3)
    column = {int(kmer): i for i, kmer in enumerate(kmer_columns(3))}
    dense = counts.toarray()
    assert dense[0, column[0b000001]] == 2  # AAC
    assert dense[0, column[0b000110]] == 2  # ACG
    assert dense[1, column[0]] == 1
    assert dense.sum(axis=1).tolist() == [4, 1]


@given(st.lists(dna, max_size=4))
def test_counts_are_the_same_on_the_opposite_strand(texts):
    batch = encode(texts)
    ours = kmer_counts(batch, 4).toarray()
    theirs = kmer_counts(reverse_complement(batch), 4).toarray()
    assert (ours == theirs).all()
    assert ours.sum(axis=1).tolist() == [len(windows(text, 4)) for text in decode(batch)]


numbers = st.lists(st.integers(0, 20) | st.integers(0, 2**64 - 1), max_size=8)


@given(numbers, numbers)
def test_values_are_told_apart(values, known):
    ours, theirs = (np.array(each, dtype=np.uint64) for each in (values, known))
    assert distinct(ours).tolist() == sorted(set(values))
    assert is_among(ours, theirs).tolist() == [value in known for value in values]
