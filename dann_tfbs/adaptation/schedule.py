"""How the weight of an alignment grows over a run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dann_tfbs.adaptation.contract import AlignmentSettings


def strength(settings: AlignmentSettings, progress: float) -> float:
    """Return the weight of an alignment at a share of the run.

    `dann` is λ(p) = 2 / (1 + exp(−γ p)) − 1 times the weight (Ganin et al. 2016, section 5.2.2).

    Parameters
    ----------
    settings
        Weight, schedule and warm-up.
    progress
        Share of the run that is done, 0 to 1.
    """
    if progress < settings.warm_up:
        return 0.0
    since = (progress - settings.warm_up) / (1 - settings.warm_up)
    if settings.schedule == "constant":
        return settings.weight
    if settings.schedule == "linear":
        return settings.weight * since
    return settings.weight * (2 / (1 + math.exp(-settings.gamma * since)) - 1)
