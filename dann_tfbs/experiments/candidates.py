"""What is recorded of finished runs, so that one of them can be chosen without target labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.embedding import embeddings
from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.metrics import auroc
from dann_tfbs.evaluation.report import markdown_table
from dann_tfbs.experiments.audit_domains import read_pool
from dann_tfbs.experiments.candidate_table import columns, plain
from dann_tfbs.experiments.leaving_out import left_out_scores
from dann_tfbs.experiments.oracle import oracle_aurocs
from dann_tfbs.experiments.own_table import REMEDY, own_table, table_digest
from dann_tfbs.run_folder import Run, find_runs, read_run
from dann_tfbs.sequence import Sequences
from dann_tfbs.streams import stream
from dann_tfbs.trained import TrainedModel, load
from dann_tfbs.training.dataset import labelled_sequences, labelled_table, source_assays
from dann_tfbs.training.importance import MAX_WEIGHT, importance_weights
from dann_tfbs.training.selection import Record, Risk, RuleName, Selection, choose

MOST_UNLABELLED = 10_000
"""Unlabelled sequences that importance weights are estimated from."""
LEAST_WEIGHT = 1e-12
"""Stands for a weight that is 0 to the computer, so that weights may all be tiny but never none."""

_WEIGHTED = ("iwv", "dev")


@dataclass(frozen=True)
class Candidate:
    """A finished run, or the seeds of one.

    Attributes
    ----------
    name
        Its path as it was given.
    runs
        Every model's run.
    model
        All of them in memory.
    """

    name: str
    runs: list[Run]
    model: TrainedModel


@dataclass(frozen=True)
class HeldOut:
    """Labelled source sequences that no candidate was trained on.

    Attributes
    ----------
    sequences
        n sequences at their full length.
    labels
        1 bound, 0 unbound, `float32`, shape (n,).
    """

    sequences: Sequences
    labels: NDArray[np.float32]


@dataclass(frozen=True)
class Weighting:
    """Where importance weights come from.

    Attributes
    ----------
    candidate
        Whose embedding told source from target.
    length
        Length in bp that source sequences were cut to, the longest of the unlabelled ones.
    unlabelled
        Number of unlabelled sequences.
    clipped
        Share of the weights that the bound cut.
    """

    candidate: str
    length: int
    unlabelled: int
    clipped: float


@dataclass(frozen=True)
class Comparison:
    """Candidates, what was recorded of them, and the one that a rule takes.

    Attributes
    ----------
    records
        One for each candidate.
    selection
        The choice.
    held_out
        Number of held-out sequences of each source assay.
    weighting
        Where importance weights come from; None without.
    """

    records: list[Record]
    selection: Selection
    held_out: dict[str, int]
    weighting: Weighting | None

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        chosen = self.selection
        return {
            "chosen": chosen.name,
            "rule": chosen.rule,
            "label": chosen.label,
            "reads_target_labels": chosen.oracle,
            "fallback": chosen.fallback,
            "scores": dict(chosen.scores),
            "effective_sizes": dict(chosen.effective_sizes),
            "held_out": self.held_out,
            "weights": None if self.weighting is None else asdict(self.weighting),
            "candidates": [plain(record) for record in self.records],
        }

    def to_table(self) -> str:
        """Return a Markdown table of all candidates, and what a reader must know about it."""
        shown = [column for column in columns(self.records) if any(map(column[1], self.records))]
        rows = [["candidate", *(title for title, _ in shown)]]
        for record in self.records:
            mark = " (chosen)" if record.name == self.selection.name else ""
            rows.append([record.name + mark, *(text(record) for _, text in shown)])
        return "\n".join([markdown_table(rows), "", *self._notes()]) + "\n"

    def _notes(self) -> list[str]:
        counts = ", ".join(f"{n:,} of {assay}" for assay, n in self.held_out.items())
        notes = [f"Held-out source sequences: {counts}."]
        if self.weighting is not None:
            w = self.weighting
            notes.append(
                f"Weights from the embedding of {w.candidate}, source sequences cut to {w.length} "
                f"bp, against {w.unlabelled:,} unlabelled ones; {w.clipped:.1%} of them cut at "
                f"{MAX_WEIGHT:g}."
            )
        if self.selection.fallback:
            notes.append(f"The held-out source AUROC decided instead: {self.selection.fallback}.")
        if self.selection.oracle:
            notes.append("This choice reads labels of the target: no honest result may rest on it.")
        notes.append(f"Chosen by {self.selection.label}: {self.selection.name}")
        return notes


def compare(
    paths: Sequence[Path],
    rule: RuleName,
    work: Path,
    *,
    unlabelled: Path | None = None,
    answers: Path | None = None,
    data: Path | None = None,
    device: str = "auto",
    seed: int = 0,
    report: Callable[[str], None] = lambda text: None,
) -> Comparison:
    """Record what a rule needs of finished runs, and choose one.

    Parameters
    ----------
    paths
        Run folders, or folders of seeds: the numbers of such are means over the seeds.
    rule
        One of `dann_tfbs.training.selection.RULES`.
    work
        Folder for trainings of `leave-one-assay-out`; those it holds already are taken from it.
    unlabelled
        Unlabelled sequences of the target, for `iwv` and `dev`; for `oracle` with answers that hold
        no sequences, the sequences of their tags.
    answers
        Labels of the target, for `oracle` and nothing else.
    data
        Table to take held-out sequences from; None means the one that all candidates learnt from.
    device
        Where to score, and to train.
    seed
        Of the draws.
    report
        Called before every training with what it is.

    Raises
    ------
    InputError
        If a run cannot be read, the runs are not of one TF, target and table, or something that
        the rule reads is missing, or something is given that it does not read.
    """
    _check_options(rule, unlabelled, answers)
    candidates = read_candidates(paths, device)
    path = common_table(candidates, data)
    table = labelled_table(candidates[0].model.experiment.data, path)
    held_out = held_out_sequences(candidates, table)
    records = [Record(one.name, source_auroc(one.model, held_out)) for one in candidates]
    weighting = None
    if rule in _WEIGHTED:
        assert unlabelled is not None
        risks, weighting = weighted_risks(candidates, held_out, unlabelled, seed)
        records = [replace(r, risk=risk) for r, risk in zip(records, risks, strict=True)]
    if rule == "leave-one-assay-out":
        records = [
            replace(
                record, left_out=left_out_scores(one.name, one.runs, path, work, device, report)
            )
            for record, one in zip(records, candidates, strict=True)
        ]
    if rule == "oracle":
        assert answers is not None
        scores = oracle_aurocs([one.model for one in candidates], answers, unlabelled)
        records = [replace(r, oracle=score) for r, score in zip(records, scores, strict=True)]
    counts = {assay: len(part.labels) for assay, part in held_out.items()}
    return Comparison(records, choose(records, rule), counts, weighting)


def _check_options(rule: RuleName, unlabelled: Path | None, answers: Path | None) -> None:
    if answers is not None and rule != "oracle":
        raise InputError(
            f"{rule} reads no target labels.",
            path=answers,
            key="--answers",
            remedy="Leave them out; only --select oracle reads them, and is marked for it.",
        )
    if answers is None and rule == "oracle":
        raise InputError(
            "oracle reads labels of the target.", key="--answers", remedy="Give --answers FILE."
        )
    if unlabelled is None and rule in _WEIGHTED:
        raise InputError(
            f"{rule} weights source sequences by how like the target they are.",
            key="--unlabelled",
            remedy="Give --unlabelled FILE, sequences of the target.",
        )
    if unlabelled is not None and rule in ("source", "leave-one-assay-out"):
        raise InputError(
            f"{rule} reads no unlabelled sequences.",
            path=unlabelled,
            key="--unlabelled",
            remedy="Leave them out, or choose by --select iwv or dev.",
        )


def read_candidates(paths: Sequence[Path], device: str = "auto") -> list[Candidate]:
    """Load candidates.

    Raises
    ------
    InputError
        If a path holds no finished run, or the runs are not of one TF and target.
    """
    found = [
        Candidate(str(path), [read_run(folder) for folder in find_runs(path)], load(path, device))
        for path in paths
    ]
    for one in found[1:]:
        for key in ("tf", "target"):
            values = [getattr(c.model.experiment.data, key) for c in (found[0], one)]
            if values[0] != values[1]:
                raise InputError(
                    f"has the {key} {values[1]}, {found[0].name} has {values[0]}.",
                    path=one.name,
                    remedy="Choose among runs that predict the same.",
                )
    return found


def common_table(candidates: Sequence[Candidate], data: Path | None = None) -> Path:
    """Return the table that all candidates learnt from, or the given one.

    Raises
    ------
    InputError
        If they learnt from different tables, or `own_table` finds none.
    """
    if data is None:
        first = table_digest(candidates[0].runs[0])
        for one in candidates:
            if any(table_digest(run) != first for run in one.runs):
                raise InputError(
                    f"did not learn from the table of {candidates[0].name}.",
                    path=one.name,
                    remedy=f"{REMEDY} Its validation rows must be new to every candidate.",
                )
    return own_table(candidates[0].runs[0], data)


def held_out_sequences(candidates: Sequence[Candidate], table: pa.Table) -> dict[str, HeldOut]:
    """Return the validation rows of every assay that any candidate learnt from.

    All candidates are scored on all of them, so that their numbers can be compared.

    Raises
    ------
    InputError
        If no assay has held-out positives and negatives.
    """
    sources = [one.model.experiment.data.source for one in candidates]
    found = {}
    for assay in dict.fromkeys(assay for source in sources for assay in source_assays(source)):
        sequences, labels = labelled_sequences(table, [assay], "validation")
        if 0 < labels.sum() < len(labels):
            found[assay] = HeldOut(sequences, labels)
    if not found:
        raise InputError(
            "no positives and negatives of the source are held out.",
            key="split",
            remedy="Prepare the table with a validation split.",
        )
    return found


def source_auroc(model: TrainedModel, held_out: dict[str, HeldOut]) -> float:
    """Return the AUROC on held-out sequences at the run's window: a mean over assays and seeds."""
    window = model.experiment.data.training_window
    scores = []
    for part in held_out.values():
        cut = sequence.centre_pad(sequence.centre_crop(part.sequences, window), window)
        scores += [auroc(column, part.labels) for column in model.logits(cut).T]
    return float(np.mean(scores))


def weighted_risks(
    candidates: Sequence[Candidate], held_out: dict[str, HeldOut], unlabelled: Path, seed: int = 0
) -> tuple[list[Risk], Weighting]:
    """Return the weighted held-out losses of every candidate, and where the weights come from.

    Source sequences are cut to the length of the unlabelled ones and scored as those would be:
    otherwise their length alone would tell the two apart, and no weight could make up for it.

    The weights are those of the first candidate's embedding (a mean over its seeds, each a
    classifier of its own) and serve all. A density ratio belongs to the data, not to a model. With
    weights of its own, each candidate would be judged on another mixture of sequences, and one
    whose embedding hides the difference between the assays would be excused from it.
    """
    pool = read_pool(unlabelled, MOST_UNLABELLED, seed)
    length = int(pool.lengths.max())
    source = sequence.concatenate(
        [sequence.centre_crop(part.sequences, length) for part in held_out.values()]
    )
    labels = np.concatenate([part.labels for part in held_out.values()]).astype(np.float64)
    first = candidates[0]
    of_source, of_target = embeddings(first.model, source), embeddings(first.model, pool)
    estimates = [
        importance_weights(of_source[:, m], of_target[:, m], stream(seed, "importance", m))
        for m in range(of_source.shape[1])
    ]
    weights = np.mean([estimate.weights for estimate in estimates], axis=0)
    weights = np.maximum(weights, LEAST_WEIGHT)
    risks = []
    for one in candidates:
        logits = one.model.logits(source).astype(np.float64)
        losses = np.logaddexp(0, logits) - labels[:, None] * logits
        risks.append(Risk.of(losses.mean(axis=1), weights))
    clipped = float(np.mean([estimate.clipped for estimate in estimates]))
    return risks, Weighting(first.name, length, len(pool), clipped)
