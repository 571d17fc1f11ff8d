import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dann_tfbs import sequence
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import (
    N,
    centre_crop,
    centre_pad,
    codes_of,
    decode,
    encode,
    from_codes,
    from_flat,
    gc_content,
    reverse_complement,
)

batches = st.lists(st.text("ACGTN", max_size=12), max_size=8)
lengths = st.integers(0, 15)


def test_codes_of_a_known_batch():
    batch = encode(["ACGTN", b"TG", ""])
    assert batch.codes.tolist() == [[0, 1, 2, 3, 4], [3, 2, N, N, N], [N] * 5]
    assert batch.codes.dtype == np.uint8
    assert batch.lengths.tolist() == [5, 2, 0]


def test_case_uracil_and_ambiguity_follow_the_one_rule():
    assert decode(encode(["acgtunACGTUN"])) == ["ACGTTNACGTTN"]
    assert decode(encode(["RYSWKMBDHV", "ryswkmbdhv"])) == ["N" * 10, "N" * 10]


@pytest.mark.parametrize("bad", ["-", "*", "X", " ", "\n", "0", "é", "Ж", "\x00"])
def test_any_other_character_names_its_sequence(bad):
    with pytest.raises(InputError) as caught:
        encode(["ACGT", "", "A", f"AC{bad}GT"])
    assert caught.value.line == 4
    assert "sequence 4 holds the character" in str(caught.value)
    assert "A, C, G, T, N and the IUPAC" in str(caught.value)


def test_the_first_of_several_bad_sequences_is_named():
    with pytest.raises(InputError, match=r"sequence 2 holds the character 'x'"):
        encode(["A", "x", "y"])


def test_every_byte_but_the_nucleotide_letters_is_refused():
    codes = dict(zip("ACGTU", (0, 1, 2, 3, 3), strict=True)) | dict.fromkeys("NRYSWKMBDHV", N)
    codes |= {letter.lower(): code for letter, code in codes.items()}
    for byte in range(256):
        letter = np.array([byte], dtype=np.uint8)
        if chr(byte) in codes:
            expected = [codes[chr(byte)]]
            assert from_flat(letter, np.array([1])).codes.tolist() == [expected]
            assert codes_of(bytes([byte])).tolist() == expected
        else:
            with pytest.raises(InputError, match="holds the character"):
                from_flat(letter, np.array([1]))
            with pytest.raises(InputError, match="holds the character"):
                codes_of(bytes([byte]))


def test_ignored_characters_are_left_out():
    assert codes_of(b"AC\r\nGT\n", ignored=b"\r\n").tolist() == [0, 1, 2, 3]
    assert codes_of(b"", ignored=b"\n").tolist() == []


@pytest.mark.parametrize("texts", [["AC", "GT"], ["A", "CGT"]], ids=["equal", "unequal"])
def test_codes_can_be_written_to(texts):
    assert encode(texts).codes.flags.writeable
    assert codes_of(b"ACGT").flags.writeable


@given(batches)
def test_text_survives_the_way_there_and_back(texts):
    assert decode(encode(texts)) == texts


@given(batches)
def test_filling_is_n_and_lies_outside(texts):
    batch = encode(texts)
    assert batch.width == max(map(len, texts), default=0)
    assert batch.inside().sum() == sum(map(len, texts))
    assert (batch.codes[~batch.inside()] == N).all()


@given(batches, batches)
def test_joining_batches_joins_their_texts(first, second):
    joined = sequence.concatenate([encode(first), encode(second)])
    assert decode(joined) == first + second
    assert (joined.codes[~joined.inside()] == N).all()


def test_joining_nothing_is_empty():
    assert decode(sequence.concatenate([])) == []


@given(batches, st.randoms(use_true_random=False))
def test_taking_rows_is_indexing(texts, random):
    rows = [random.randrange(len(texts)) for _ in texts]
    taken = encode(texts).take(np.array(rows, dtype=np.int64))
    assert decode(taken) == [texts[row] for row in rows]


def test_codes_of_full_rows_are_wrapped_as_they_are():
    assert decode(from_codes(np.array([[0, 3], [4, 1]]))) == ["AT", "NC"]


def test_known_crops_keep_the_middle():
    assert decode(centre_crop(encode(["AACGTT"]), 2)) == ["CG"]
    # 7 − 4 = 3: one base goes on the left, two on the right
    assert decode(centre_crop(encode(["ACGTACG", "ACGT", "AC"]), 4)) == ["CGTA", "ACGT", "AC"]


def test_a_peak_window_is_cropped_about_its_summit():
    window = "A" * 150 + "G" + "A" * 150
    assert decode(centre_crop(encode([window]), 41))[0].index("G") == 20
    assert decode(centre_crop(encode([window]), 40))[0].index("G") == 20


def test_known_pads_surround_with_n():
    # 5 − 2 = 3: one N on the left, two on the right
    assert decode(centre_pad(encode(["AC", "ACGTA", "ACGTAC", ""]), 5)) == [
        "NACNN",
        "ACGTA",
        "ACGTAC",
        "NNNNN",
    ]


@given(batches, lengths)
def test_crops_agree_with_slices(texts, length):
    cropped = centre_crop(encode(texts), length)
    starts = [max(len(text) - length, 0) // 2 for text in texts]
    expected = [text[start : start + length] for text, start in zip(texts, starts, strict=True)]
    assert decode(cropped) == expected
    assert (cropped.codes[~cropped.inside()] == N).all()


@given(batches, lengths)
def test_pads_agree_with_string_arithmetic_and_crops_undo_them(texts, length):
    padded = centre_pad(encode(texts), length)
    for text, result in zip(texts, decode(padded), strict=True):
        missing = max(length - len(text), 0)
        assert result == "N" * (missing // 2) + text + "N" * (missing - missing // 2)
    for text, row in zip(texts, range(len(texts)), strict=True):
        assert decode(centre_crop(padded.take(slice(row, row + 1)), len(text))) == [text]


def test_known_reverse_complements():
    # GAATTC (EcoRI) is its own opposite strand
    assert decode(reverse_complement(encode(["AACGN", "GAATTC", "T", ""]))) == [
        "NCGTT",
        "GAATTC",
        "A",
        "",
    ]


@given(batches)
def test_reverse_complement_agrees_with_text_and_undoes_itself(texts):
    batch = encode(texts)
    opposite = reverse_complement(batch)
    table = str.maketrans("ACGTN", "TGCAN")
    assert decode(opposite) == [text[::-1].translate(table) for text in texts]
    assert decode(reverse_complement(opposite)) == texts
    np.testing.assert_allclose(gc_content(opposite), gc_content(batch))


def test_known_gc_contents_leave_n_and_filling_out():
    assert gc_content(encode(["GC", "AT", "GCAT", "GNNN", "NN", "", "CTTTT"])).tolist() == [
        1,
        0,
        0.5,
        1,
        0.5,
        0.5,
        0.2,
    ]


@given(batches, lengths)
def test_nothing_changes_its_input(texts, length):
    batch = encode(texts)
    before = batch.codes.copy()
    for change in (reverse_complement, lambda b: centre_crop(b, length), gc_content):
        change(batch)
    centre_pad(batch, length)
    np.testing.assert_array_equal(batch.codes, before)
