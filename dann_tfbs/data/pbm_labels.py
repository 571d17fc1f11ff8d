"""Which spots of a protein-binding microarray count as bound: the rules of the IBIS test sets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.errors import InputError

QNZS_THRESHOLD = 4.0
"""Smallest z-score of a bound spot on a quantile-normalised array."""

FEWEST_POSITIVES = 50
MOST_POSITIVES = 1300


def positives(signal: NDArray[np.floating], preprocessing: str) -> NDArray[np.bool_]:
    """Mark the bound spots by the rule of the array's preprocessing.

    `QNZS` takes `qnzs_positives`; `SD`, raw intensities and everything else `sd_positives`.
    """
    return qnzs_positives(signal) if preprocessing == "QNZS" else sd_positives(signal)


def qnzs_positives(signal: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Mark spots with z ≥ 4 (IBIS challenge, quantile-normalised z-scores).

    Raises
    ------
    InputError
        If there is no spot or a value is not finite.
    """
    return _checked(signal) >= QNZS_THRESHOLD


def sd_positives(signal: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Mark spots with signal ≥ `sd_threshold(signal)`; ties at the threshold are all bound."""
    return _checked(signal) >= sd_threshold(signal)


def sd_threshold(signal: NDArray[np.floating]) -> float:
    """Return the IBIS threshold of a spatially detrended array.

    t = max(min(mean + 4·sd, the 50th largest signal), the 1300th largest signal) with the
    population standard deviation: at least 50 bound spots and, but for ties, at most 1300. An
    array with fewer than 50 or 1300 spots has no such rank, and that limit does not apply.

    Parameters
    ----------
    signal
        Intensities in any unit, shape (n,), in any order.

    Raises
    ------
    InputError
        If there is no spot or a value is not finite.
    """
    # Sorted before summing, so that the last bit of the mean does not depend on the row order.
    falling = np.sort(_checked(signal))[::-1]
    threshold = float(falling.mean() + 4 * falling.std())
    if len(falling) >= FEWEST_POSITIVES:
        threshold = min(threshold, float(falling[FEWEST_POSITIVES - 1]))
    if len(falling) >= MOST_POSITIVES:
        threshold = max(threshold, float(falling[MOST_POSITIVES - 1]))
    return threshold


def _checked(signal: NDArray[np.floating]) -> NDArray[np.float64]:
    values = np.asarray(signal, dtype=np.float64)
    if not len(values) or not np.isfinite(values).all():
        raise InputError(
            "the array has no spot, or one without a finite signal.",
            key="mean_signal_intensity",
            remedy="Drop control, flagged and unmeasured spots first.",
        )
    return values
