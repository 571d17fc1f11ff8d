import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dann_tfbs import sequence
from dann_tfbs.data.readers.encoding import codes_of, sequences_of
from dann_tfbs.errors import InputError

LETTERS = "ACGTUNRYSWKMBDHVacgtunryswkmbdhv"


def test_every_byte_reads_as_the_rule_of_sequences_says():
    for byte in range(256):
        try:
            expected = sequence.encode([bytes([byte])]).codes[0].tolist()
        except InputError:
            with pytest.raises(InputError, match="holds the character"):
                codes_of(bytes([byte]))
        else:
            assert codes_of(bytes([byte])).tolist() == expected


def test_line_ends_are_left_out():
    assert codes_of(b"AC\r\nGT\n", ignored=b"\r\n").tolist() == [0, 1, 2, 3]
    assert codes_of(b"", ignored=b"\n").tolist() == []


@given(st.lists(st.text(alphabet=LETTERS, max_size=12), max_size=6))
def test_sequences_are_those_of_the_slow_way(texts):
    letters = np.frombuffer("".join(texts).encode(), dtype=np.uint8)
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    ours, theirs = sequences_of(letters, lengths), sequence.from_flat(letters, lengths)
    assert ours.codes.tolist() == theirs.codes.tolist()
    assert ours.lengths.tolist() == theirs.lengths.tolist()
    assert ours.codes.flags.writeable


def test_a_bad_letter_tells_its_sequence():
    with pytest.raises(InputError, match="sequence 2 holds the character '-'") as caught:
        sequences_of(np.frombuffer(b"ACGTA-", dtype=np.uint8), np.array([4, 2]))
    assert caught.value.line == 2
