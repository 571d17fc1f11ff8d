"""Tags, the names by which predictions and answers meet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from dann_tfbs.errors import InputError


def refuse_repeated_tags(path: Path, tags: pa.Array, first_line: int | None = None) -> None:
    """Raise an error if a tag stands twice.

    Parameters
    ----------
    path
        The file, for the message.
    tags
        Arrow strings.
    first_line
        The line of the first tag, where the file is text with one tag a line.

    Raises
    ------
    InputError
        Naming the tag, and where it stands.
    """
    encoded = tags.dictionary_encode()
    if len(encoded.dictionary) == len(tags):
        return
    codes = encoded.indices.to_numpy()
    # Codes are numbered by first appearance, so a repeat is a code that does not raise the maximum.
    repeated = np.append(False, codes[1:] <= np.maximum.accumulate(codes)[:-1])
    row = int(np.argmax(repeated))
    earlier = int(np.argmax(codes == codes[row]))
    word, start = ("line", first_line) if first_line is not None else ("row", 1)
    raise InputError(
        f"the tag '{tags[row].as_py()}' of {word} {earlier + start} stands again on {word} "
        f"{row + start}; {int(repeated.sum())} tags are repeated in all.",
        path=path,
        line=None if first_line is None else row + start,
        remedy="Give each tag once.",
    )
