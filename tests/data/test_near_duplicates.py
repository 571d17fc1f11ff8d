import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dann_tfbs.data import near_duplicates
from dann_tfbs.data.kmers import kmer_chunks
from dann_tfbs.data.near_duplicates import components, may_share, shares_between, shares_kmer
from dann_tfbs.sequence import decode, encode, reverse_complement

K = 7  # short, so that random texts share some
PAIR = str.maketrans("ACGTN", "TGCAN")
dna = st.lists(st.text(alphabet="ACGTN", max_size=30), max_size=8)


def opposite(text):
    return text.translate(PAIR)[::-1]


def keys_of(text, k):
    """The k-mers of a text, and the text itself, each as the smaller of its two strands."""
    windows = {text[i : i + k] for i in range(len(text) - k + 1) if "N" not in text[i : i + k]}
    return {min(each, opposite(each)) for each in windows | {text}}


def test_sharing_needs_31_bases_on_either_strand():
    rng = np.random.default_rng(0)
    core = "".join(rng.choice(list("ACGT"), 31))
    query = encode(["C" * 20 + core + "T" * 20, "C" * 20 + core[:30], "G" * 9 + opposite(core)])
    assert shares_kmer(query, encode(["A" * 40 + core])).tolist() == [True, False, True]


def test_short_and_broken_sequences_share_as_wholes():
    read = "ACGGTACCATTAGGACATCA"
    query = encode([read, opposite(read), read[:-1], "ACGTN" * 8])
    reference = encode([read, "TTT" + read + "GATTACAGATTACA", "ACGTN" * 8])
    assert shares_kmer(query, reference).tolist() == [True, True, False, True]
    assert not shares_kmer(query, encode([])).any()


@given(dna, dna, st.integers(1, 12))
def test_sharing_agrees_with_slicing_text(query, reference, k):
    known = set().union(*(keys_of(text, k) for text in reference))
    expected = [bool(keys_of(text, k) & known) for text in query]
    assert shares_kmer(encode(query), encode(reference), k).tolist() == expected


@given(dna, st.data())
def test_sides_agree_with_pairs(texts, data):
    sides = np.array([data.draw(st.integers(0, 2)) for _ in texts], dtype=np.int64)
    found = shares_between(encode(texts), sides, K)
    for (later, earlier), (rows, partners) in found.items():
        ours, theirs = np.flatnonzero(sides == later), np.flatnonzero(sides == earlier)
        shares = shares_kmer(encode(texts).take(ours), encode(texts).take(theirs), K)
        assert rows.tolist() == ours[shares].tolist()
        needed = {
            int(row)
            for row in theirs
            if any(keys_of(texts[row], K) & keys_of(texts[our], K) for our in rows)
        }
        assert needed <= set(partners.tolist())


@given(dna)
def test_components_are_those_of_the_graph(texts):
    number = list(range(len(texts)))
    for i, first in enumerate(texts):
        for j, second in enumerate(texts[:i]):
            if keys_of(first, K) & keys_of(second, K):
                number = [number[j] if n == number[i] else n for n in number]
    found = components(encode(texts), K).tolist()
    same = [[a == b for b in number] for a in number]
    assert [[a == b for b in found] for a in found] == same
    assert set(found) == set(range(len(set(number))))


def test_few_that_share_nothing_are_compared():
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACGT"), 80)) for _ in range(400)]
    texts += [texts[5][20:] + texts[6][:20], opposite(texts[7])]
    related = [5, 7, 400, 401]
    may = may_share(encode(texts), np.arange(len(texts)))
    assert may[related].all()
    assert may.sum() <= 6  # 6 shares 20 bases, and with them perhaps a minimizer


def test_relatives_are_found_without_the_short_way(monkeypatch):
    rng = np.random.default_rng(1)
    texts = ["".join(rng.choice(list("ACGT"), 50)) for _ in range(20)]
    texts.append(opposite(texts[3]))
    expected = components(encode(texts)).tolist()
    monkeypatch.setattr(near_duplicates, "_ROW_BITS", np.uint64(4))  # rows do not fit
    assert may_share(encode(texts), np.arange(21)).all()
    assert components(encode(texts)).tolist() == expected


@pytest.mark.parametrize("size", [1, 2, 3, 13])
def test_running_minimum(size):
    values = np.random.default_rng(2).integers(0, 50, size=(20, 3)).astype(np.uint64)
    expected = [values[i : i + size].min(axis=0).tolist() for i in range(21 - size)]
    assert near_duplicates._running_minimum(values, size).tolist() == expected


def test_a_minimizer_is_shared_on_the_opposite_strand():
    texts = ["".join(np.random.default_rng(3).choice(list("ACGT"), 60))]
    batch = encode(texts)
    rows = [
        {int(key) >> 26 for part in near_duplicates._packed_minimizers(each, 31) for key in part}
        for each in (batch, reverse_complement(batch))
    ]
    assert rows[0] == rows[1]
    ((kmers, _),) = kmer_chunks(batch, 31)
    assert 2 <= len(rows[0]) < len(kmers)
    assert decode(reverse_complement(reverse_complement(batch))) == texts
