"""Which of several trained candidates to take, without labels of the target.

Every rule is a pure function of one candidate's recorded numbers; `choose` compares candidates.
Rules: best held-out source score; mean score over assays left out in turn; importance-weighted
validation (IWV; Sugiyama, Krauledat & Müller 2007); Deep Embedded Validation (DEV; You et al.
2019), which is IWV with a control variate. `oracle` reads labels of the target. It tells how much
there was to gain, so it is allowed only under that name and marked in what comes back.

Candidates are comparable under `iwv` and `dev` where their risks were recorded over the same
held-out sequences. Weights may come from each candidate's own embedding, as in DEV, or all from
one.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from dann_tfbs.errors import InputError

RuleName = Literal["source", "leave-one-assay-out", "iwv", "dev", "oracle"]

MIN_EFFECTIVE_SHARE = 0.05
"""Below this share of the held-out sequences a few of them decide the weighted risk."""
MIN_EFFECTIVE_SIZE = 30.0
"""Below this many effective sequences a mean loss says little, whatever their share."""
MEAN_WEIGHT_RANGE = (0.5, 2.0)
"""Where the mean weight must lie. True weights average 1 over the source; a small mean says that
much of the target lies where there is no source, which equal tiny weights hide from the effective
size."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Risk:
    """Moments of weighted held-out source losses: all that IWV and DEV need, and fit for JSON.

    Attributes
    ----------
    sequences
        Number of held-out source sequences, n.
    mean_weight, weight_variance
        Mean and variance (over n, not n − 1) of the weights w.
    mean_weighted_loss
        Mean of w · loss.
    covariance
        Covariance (over n) of w · loss with w.
    """

    sequences: int
    mean_weight: float
    weight_variance: float
    mean_weighted_loss: float
    covariance: float

    @classmethod
    def of(cls, losses: ArrayLike, weights: ArrayLike) -> Risk:
        """Summarise losses and weights of the same held-out source sequences.

        Parameters
        ----------
        losses
            Loss of every held-out source sequence (cross-entropy, say), shape (n,).
        weights
            p(x | target) / p(x | source) of each, at least 0, shape (n,); see
            `training.importance`.

        Raises
        ------
        InputError
            If the shapes differ, nothing is given, a number is not finite, a weight is negative
            or all are 0.
        """
        loss = np.asarray(losses, dtype=np.float64)
        weight = np.asarray(weights, dtype=np.float64)
        if loss.ndim != 1 or loss.shape != weight.shape or not len(loss):
            raise InputError(
                f"losses of shape {loss.shape} and weights of shape {weight.shape} do not match.",
                remedy="Give one loss and one weight for every held-out source sequence.",
            )
        if not (np.isfinite(loss).all() and np.isfinite(weight).all()):
            raise InputError(
                "a held-out loss or its weight is not a finite number.",
                remedy="Look for a diverged model.",
            )
        if weight.min() < 0 or weight.max() == 0:
            raise InputError(
                "importance weights must be at least 0, and some above 0.",
                remedy="Take them from training.importance.",
            )
        weighted = weight * loss
        return cls(
            sequences=len(loss),
            mean_weight=float(weight.mean()),
            weight_variance=float(weight.var()),
            mean_weighted_loss=float(weighted.mean()),
            covariance=float(np.mean((weighted - weighted.mean()) * (weight - weight.mean()))),
        )

    @property
    def effective_size(self) -> float:
        """(Σw)² / Σw²: how many equally weighted sequences would be as informative (Kish 1965)."""
        mean_of_squares = self.weight_variance + self.mean_weight**2
        return self.sequences * self.mean_weight**2 / mean_of_squares


@dataclass(frozen=True)
class Record:
    """What was recorded of one candidate; a rule asks only for what it reads.

    Attributes
    ----------
    name
        Name of the candidate.
    source_auroc
        AUROC on held-out source sequences.
    left_out
        Source assay to the score on it of the same candidate trained without that assay.
    risk
        Weighted held-out source losses.
    oracle
        Score on labelled target sequences.
    """

    name: str
    source_auroc: float | None = None
    left_out: Mapping[str, float] = field(default_factory=dict)
    risk: Risk | None = None
    oracle: float | None = None


@dataclass(frozen=True)
class Selection:
    """The candidate that a rule takes, and why.

    Attributes
    ----------
    name
        Name of the candidate.
    rule
        The rule that was asked for.
    scores
        Candidate to what decided: risks (the lowest wins) where `iwv` or `dev` decided, otherwise
        scores (the highest wins). After a fallback they are those of `source`.
    effective_sizes
        Candidate to effective sample size; empty unless the rule is `iwv` or `dev`.
    fallback
        Why `source` decided instead of the rule; None where the rule decided.
    """

    name: str
    rule: RuleName
    scores: Mapping[str, float]
    effective_sizes: Mapping[str, float]
    fallback: str | None = None

    @property
    def oracle(self) -> bool:
        """Whether labels of the target were read."""
        return self.rule == "oracle"

    @property
    def label(self) -> str:
        """The rule as tables, plots and tags should show it."""
        if self.oracle:
            return f"{self.rule} (reads target labels)"
        return f"{self.rule} (fell back to source)" if self.fallback else self.rule


def source(record: Record) -> float:
    """Return the held-out source AUROC."""
    return _number(
        record,
        "source_auroc",
        record.source_auroc,
        "Record the AUROC on held-out source sequences.",
    )


def leave_one_assay_out(record: Record) -> float:
    """Return the mean score over the assays that were left out."""
    remedy = (
        "Train the candidate without each source assay in turn and record its score on that assay; "
        "this takes two source assays or more."
    )
    if not record.left_out:
        raise _missing(record, "left_out", remedy)
    scores = [
        _number(record, f"left_out.{assay}", score, remedy)
        for assay, score in record.left_out.items()
    ]
    return math.fsum(scores) / len(scores)


def iwv(record: Record) -> float:
    """Return Σ w · loss / Σ w, the risk expected on the target if only p(x) differs.

    Sugiyama et al. divide by n. Estimated, clipped weights do not average 1, so their sum takes its
    place.
    """
    risk = _risk(record)
    return risk.mean_weighted_loss / risk.mean_weight


def dev(record: Record) -> float:
    """Return mean(w · loss) + η · (mean(w) − 1) with η = −cov(w · loss, w) / var(w).

    True weights average 1, so the added term has expectation 0, and this η makes the variance
    smallest (You et al. 2019, eq. 12). Equal weights leave nothing to control: η = 0.
    """
    risk = _risk(record)
    if risk.weight_variance == 0:
        return risk.mean_weighted_loss
    eta = -risk.covariance / risk.weight_variance
    return risk.mean_weighted_loss + eta * (risk.mean_weight - 1)


def oracle(record: Record) -> float:
    """Return the score on labelled target sequences."""
    return _number(
        record, "oracle", record.oracle, "Record the score on labelled target sequences."
    )


RULES: Mapping[RuleName, Callable[[Record], float]] = {
    "source": source,
    "leave-one-assay-out": leave_one_assay_out,
    "iwv": iwv,
    "dev": dev,
    "oracle": oracle,
}


def choose(records: Sequence[Record], rule: RuleName) -> Selection:
    """Take the best of the candidates by a rule, the first among equals.

    `iwv` and `dev` fall back to `source`, with a warning, if the weights of any candidate do not
    bear a comparison: the candidate whose risk is unknown may be the best or the worst.

    Parameters
    ----------
    records
        At least one, with different names.
    rule
        One of `RULES`.

    Raises
    ------
    InputError
        If there are no records or two of one name, the rule is unknown, a number that it needs was
        not recorded or is not finite, or different assays were left out of different candidates.
    """
    if rule not in RULES:
        raise InputError(
            f"unknown rule {rule!r}.", key="select", remedy=f"Use {', '.join(get_args(RuleName))}."
        )
    names = [record.name for record in records]
    if not names or len(set(names)) < len(names):
        raise InputError(
            f"cannot choose among {len(names)} records with {len(set(names))} different names.",
            key="select",
            remedy="Record at least one candidate, each under a name of its own.",
        )
    if rule == "leave-one-assay-out":
        _require_same_assays(records)
    scores = {record.name: RULES[rule](record) for record in records}
    if rule not in ("iwv", "dev"):
        return Selection(_highest(scores), rule, scores, {})

    sizes = {record.name: _risk(record).effective_size for record in records}
    reasons = [reason for record in records if (reason := _why_unfit(record))]
    if not reasons:
        return Selection(min(scores, key=scores.__getitem__), rule, scores, sizes)
    fallback = "; ".join(reasons)
    further = f" (and {len(reasons) - 1} more for like reasons)" if len(reasons) > 1 else ""
    _log.warning("%s gives way to the held-out source score: %s%s", rule, reasons[0], further)
    scores = {record.name: source(record) for record in records}
    return Selection(_highest(scores), rule, scores, sizes, fallback)


def _highest(scores: Mapping[str, float]) -> str:
    return max(scores, key=scores.__getitem__)


def _why_unfit(record: Record) -> str | None:
    """Return why the weights of a candidate bear no comparison, None if they do."""
    risk = _risk(record)
    needed = max(MIN_EFFECTIVE_SIZE, MIN_EFFECTIVE_SHARE * risk.sequences)
    if risk.effective_size < needed:
        return (
            f"the effective sample size of {record.name} is {risk.effective_size:.1f} of "
            f"{risk.sequences} sequences, below {needed:.1f}"
        )
    low, high = MEAN_WEIGHT_RANGE
    if not low <= risk.mean_weight <= high:
        return (
            f"the weights of {record.name} average {risk.mean_weight:.3g} where 1 is expected, "
            f"outside {low:g} to {high:g}: the source does not cover the target"
        )
    return None


def _require_same_assays(records: Sequence[Record]) -> None:
    for record in records:
        if set(record.left_out) != set(records[0].left_out):
            raise InputError(
                f"{_list(record.left_out)} left out of {record.name}, "
                f"{_list(records[0].left_out)} out of {records[0].name}.",
                key="left_out",
                remedy="Leave the same assays out of every candidate.",
            )


def _list(assays: Mapping[str, float]) -> str:
    return ", ".join(sorted(assays)) or "nothing"


def _risk(record: Record) -> Risk:
    remedy = (
        "Record the losses of held-out source sequences with their importance weights (Risk.of)."
    )
    if record.risk is None:
        raise _missing(record, "risk", remedy)
    for key, value in vars(record.risk).items():
        _number(record, f"risk.{key}", value, remedy)
    return record.risk


def _number(record: Record, key: str, value: float | None, remedy: str) -> float:
    if value is None or not math.isfinite(value):
        raise _missing(record, key, remedy)
    return float(value)


def _missing(record: Record, key: str, remedy: str) -> InputError:
    return InputError(
        f"no such finite number was recorded of candidate {record.name!r}.", key=key, remedy=remedy
    )
