"""The values of an AAA table: millions of plain ones at once, each odd one by itself.

A plain value is `0` or `1`, or one of them with a point and one to five digits, between 0 and 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.submission.tag_keys import low_bytes, words_at

TOLERANCE = 1.5e-5
"""How far beyond 0 and 1 the official suite lets a value lie."""

# Stated anew, not taken from `predictions`: a check must not share what it checks.
DIGITS = 5
NO_DATA = "nodata"

_LONGEST = 7  # 0.12345
_DECIMAL = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)")


def _word(text: str) -> int:
    return int.from_bytes(text.encode(), "little")


# What a shorter value lacks of `0.00000`, by its length; a length without such a form lacks nothing
# and fails below.
_FILLING = np.array(
    [0, _word("\0.00000"), 0, *(_word("\0" * n + "0" * (_LONGEST - n)) for n in range(3, 8)), 0],
    dtype=np.uint64,
)
_ZERO = np.uint64(_word("0.00000"))
_OVER_NINE = np.uint64(_word("\x76" * _LONGEST))  # lifts what is above 9 to 0x80
_HIGH_BITS = np.uint64(int("80" * _LONGEST, 16))
_FIRST_TWO = np.uint64(0xFFFF)


def plain_values(
    letters: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Tell which values are plain.

    Parameters
    ----------
    letters
        The bytes of the table, with at least eight more behind the last value.
    starts, lengths
        Place of each value, any shape.

    Returns
    -------
    tuple of numpy.ndarray
        A number for each value, equal for equal plain values; and whether it is plain.
    """
    kept = np.minimum(lengths, _LONGEST + 1)
    form = (words_at(letters, starts) & low_bytes(kept)) | _FILLING[kept]
    # Digits become 0 … 9 and the point 0, byte by byte.
    digits = form ^ _ZERO
    too_high = (digits | (digits + _OVER_NINE)) & _HIGH_BITS
    below_one = (digits & _FIRST_TWO) == 0
    plain = (too_high == 0) & (below_one | (digits == 1)) & (lengths <= _LONGEST)
    return form, plain


def problems_of_value(text: str) -> Iterator[tuple[str, str]]:
    """Yield the rules that a value breaks and what is wrong; nothing for a legal one.

    The official rules are those of the suite's own parser, which reads what Python's `float` reads.
    """
    if text == NO_DATA:
        yield "nodata", f"'{NO_DATA}': the suite rejects the whole column."
        return
    if not text:
        yield "empty value", "the value is empty."
        return
    try:
        number = float(text)
    except ValueError:
        yield "number", f"{text!r} is no number."
        return
    if math.isnan(number):
        yield "NaN", f"{text!r} is not a number that can be ranked."
        return
    if not -TOLERANCE <= number <= 1 + TOLERANCE:
        yield "range", f"{text} is not between 0 and 1."
    parts = text.split(".")
    if len(parts) > 1 and len(parts[1]) > DIGITS:
        yield "five digits", f"{text} has {len(parts[1])} characters after the point, not up to 5."
    if text != text.strip():
        yield "white space", f"{text!r} has white space around the number."
    elif not _DECIMAL.fullmatch(text) and not math.isinf(number):
        yield "plain decimal", f"{text!r} is not written as a plain decimal."
