"""The experiment types (assays) of the IBIS challenge, as data.

`window` and `negatives_per_positive` are the training recipe of the project's baseline for a model
that will predict this assay: peaks are cut to the length of the assay's own sequences, and
negatives outnumber positives by the stated ratio.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dann_tfbs.errors import InputError

PEAK_WINDOW = 301
"""Length in bp of a peak window: summit − 150 … summit + 151 (end exclusive), as in IBIS."""


@dataclass(frozen=True)
class Assay:
    """One experiment type.

    Attributes
    ----------
    code
        The IBIS abbreviation.
    name
        The name to show to a person.
    kind
        `genomic` (peaks in a genome) or `artificial` (designed or random oligonucleotides).
    window
        Default length in bp of the training window for models that predict this assay.
    negatives_per_positive
        Default ratio in the training table for models that predict this assay.
    metrics
        Names of the metrics that IBIS reports for it (see `dann_tfbs.evaluation.metrics`).
    """

    code: str
    name: str
    kind: Literal["genomic", "artificial"]
    window: int
    negatives_per_positive: float
    metrics: tuple[str, ...]


ASSAYS: dict[str, Assay] = {
    assay.code: assay
    for assay in (
        Assay("CHS", "ChIP-seq", "genomic", PEAK_WINDOW, 1.0, ("auroc", "auprc")),
        Assay("GHTS", "genomic HT-SELEX", "genomic", PEAK_WINDOW, 1.0, ("auroc", "auprc")),
        Assay("HTS", "HT-SELEX", "artificial", 40, 10.0, ("mauroc", "mauprc", "kendall_tau")),
        Assay("SMS", "SMiLE-seq", "artificial", 40, 5.0, ("mauroc", "mauprc")),
        Assay("PBM", "protein-binding microarray", "artificial", 35, 1.0, ("auroc", "auprc")),
    )
}


def get_assay(code: str) -> Assay:
    """Return the assay with this code.

    Raises
    ------
    InputError
        If no assay has this code.
    """
    if code not in ASSAYS:
        raise InputError(f"'{code}' is no known assay.", remedy=f"Use one of {', '.join(ASSAYS)}.")
    return ASSAYS[code]
