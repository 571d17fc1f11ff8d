"""What every metric asks of its scores and labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dann_tfbs.errors import InputError


def checked(
    scores: ArrayLike, labels: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return scores and labels as `float64` vectors of one length.

    Raises
    ------
    InputError
        If the lengths differ or a value is NaN.
    """
    scores = np.asarray(scores, dtype=np.float64)
    labels = np.asarray(labels, dtype=np.float64)
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise InputError(
            f"scores have shape {scores.shape} and labels {labels.shape}.",
            remedy="Give one score and one label for each record.",
        )
    for name, values in (("score", scores), ("label", labels)):
        missing = np.isnan(values)
        if missing.any():
            raise InputError(
                f"{int(missing.sum())} {name}s are NaN, the first in record "
                f"{int(np.argmax(missing)) + 1}.",
                remedy="Give every record a number.",
            )
    return scores, labels
