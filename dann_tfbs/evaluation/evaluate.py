"""From predictions and answers to a report: one row for each TF, assay, split and background."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.assays import ASSAYS
from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.answers import POSITIVE, Answers
from dann_tfbs.evaluation.bootstrap import Interval, intervals, kendall_interval
from dann_tfbs.evaluation.metrics import CURVE_METRICS
from dann_tfbs.evaluation.predictions import Predictions, scores_of
from dann_tfbs.evaluation.report import ALL, Report, Row

Floats = NDArray[np.float64]


def evaluate(
    answers: Answers,
    predictions: Predictions,
    rng: np.random.Generator,
    resamples: int = 1000,
) -> Report:
    """Score predictions against answers.

    Each kind of negatives (background) is set against all positives of its TF, assay and split,
    and `all` joins the kinds where there are several. AUROC and AUPRC are always given, the
    assay's own IBIS metrics beside them. Kendall's τ is given where the positives are of several
    cycles, in a row of its own.

    Parameters
    ----------
    answers, predictions
        Joined by tag; predictions of other tags are ignored.
    rng
        Source of the bootstrap resamples.
    resamples
        Number of resamples; 0 gives no intervals.

    Raises
    ------
    InputError
        If a TF or tag has no prediction, or a set has no positives, or nothing to compare them
        with.
    """
    rows: list[Row] = []
    for key, part in _sets(answers):
        scores = scores_of(predictions, key[0], part.tags)
        found = list(_curve_rows(key, part, scores, rng, resamples))
        found += _kendall_rows(key, part, scores, rng, resamples)
        if not found:
            positives = int((part.labels > 0).sum())
            raise InputError(
                f"the set {_name(key)} has {positives} positives and "
                f"{len(part) - positives} negatives.",
                path=answers.path,
                remedy="A curve needs at least one record of each.",
            )
        rows += found
    return Report(rows, resamples)


Key = tuple[str, str, str]


def _name(key: Key) -> str:
    return " × ".join(part for part in key if part) or "of these answers"


def _sets(answers: Answers) -> Iterator[tuple[Key, Answers]]:
    """Yield the answers of each TF, assay and split."""
    keys = list(zip(answers.tf, answers.assay, answers.split, strict=True))
    number = {key: i for i, key in enumerate(sorted(set(keys)))}
    codes = np.fromiter((number[key] for key in keys), dtype=np.intp, count=len(keys))
    for key, code in number.items():
        yield key, answers.take(codes == code)


def _curve_rows(
    key: Key, part: Answers, scores: Floats, rng: np.random.Generator, resamples: int
) -> Iterator[Row]:
    positive = part.labels > 0
    kinds = sorted(set(part.background[~positive]))
    if not positive.any():
        return
    extra = ASSAYS[key[1]].metrics if key[1] in ASSAYS else ()
    names = dict.fromkeys(["auroc", "auprc", *(name for name in extra if name in CURVE_METRICS)])
    for kind in [*kinds, ALL] if len(kinds) > 1 else kinds:
        negative = ~positive if kind == ALL else ~positive & (part.background == kind)
        used = positive | negative
        values = intervals(scores[used], part.labels[used], names, rng, resamples)
        yield Row(*key, kind, int(positive.sum()), int(negative.sum()), values)


def _kendall_rows(
    key: Key, part: Answers, scores: Floats, rng: np.random.Generator, resamples: int
) -> list[Row]:
    """Return the row of Kendall's τ, or none where the assay or the cycles do not ask for it."""
    positive = part.labels > 0
    wanted = key[1] in ASSAYS and "kendall_tau" in ASSAYS[key[1]].metrics
    if not wanted or len(np.unique(part.labels[positive])) < 2:
        return []
    replicates = part.group[positive]
    known = any(replicate is not None for replicate in replicates)
    tau: Interval = kendall_interval(
        scores[positive], part.labels[positive], replicates if known else None, rng, resamples
    )
    return [Row(*key, POSITIVE, int(positive.sum()), 0, {"kendall_tau": tau})]
