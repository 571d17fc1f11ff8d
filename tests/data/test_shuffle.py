from collections import Counter
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dann_tfbs.data.shuffle import dinucleotide_shuffle
from dann_tfbs.sequence import decode, encode


def pairs(text):
    return Counter(a + b for a, b in pairwise(text))


def arrangements(text):
    """All sequences with the ends and dinucleotide counts of `text`, by trying all orders."""
    inner = {"".join(p) for p in permutations(text[1:-1])}
    every = {text[0] + middle + text[-1] for middle in inner}
    return sorted(t for t in every if pairs(t) == pairs(text))


@settings(max_examples=60)
@given(st.lists(st.text(alphabet="ACGTN", max_size=40), max_size=8), st.integers(0, 9))
def test_ends_and_dinucleotide_counts_are_kept(texts, seed):
    shuffled = decode(dinucleotide_shuffle(encode(texts), np.random.default_rng(seed)))
    for before, after in zip(texts, shuffled, strict=True):
        assert pairs(after) == pairs(before)
        assert (after[:1], after[-1:]) == (before[:1], before[-1:])
        assert len(after) == len(before)


@pytest.mark.parametrize("text", ["ACAGATAC", "AACCAGAACG", "ANCAGNAGA", "CAAAACACA"])
def test_every_arrangement_is_equally_likely(text):
    possible = arrangements(text)
    assert len(possible) >= 3
    draws = 3000 * len(possible)
    # Beside longer sequences, as in a batch of unequal lengths.
    batch = encode([text] * draws + ["ACGT" * 5])
    counts = Counter(decode(dinucleotide_shuffle(batch, np.random.default_rng(5)))[:-1])
    assert sorted(counts) == possible
    # 3000 ± 55 expected: five standard deviations.
    assert max(abs(counts[t] - 3000) for t in possible) < 275


def test_long_sequences_change():
    rng = np.random.default_rng(0)
    text = "".join(rng.choice(list("ACGT"), 200))
    [after] = decode(dinucleotide_shuffle(encode([text]), rng))
    assert sum(a == b for a, b in zip(text, after, strict=True)) < 120


def test_a_trap_with_one_way_out_still_ends():
    text = "AC" * 150 + "GT" * 150 + "A"
    [after] = decode(dinucleotide_shuffle(encode([text]), np.random.default_rng(0)))
    assert pairs(after) == pairs(text)


def test_same_generator_same_result():
    batch = encode(["ACGTTGCAACGTAGCT"] * 20)
    one = dinucleotide_shuffle(batch, np.random.default_rng(3)).codes
    two = dinucleotide_shuffle(batch, np.random.default_rng(3)).codes
    assert (one == two).all()
