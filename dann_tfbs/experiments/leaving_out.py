"""Candidates trained again with a labelled assay left out, which then plays the target."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dann_tfbs import files, sequence
from dann_tfbs._version import __version__
from dann_tfbs.config import Experiment, genomic_sources
from dann_tfbs.data.table import SCHEMA, TABLE_FILE, TARGET, read_table, table_file, write_table
from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.metrics import auroc
from dann_tfbs.experiments.own_table import provenance
from dann_tfbs.run_folder import Run, find_runs, is_run, read_run
from dann_tfbs.settings import as_plain
from dann_tfbs.trained import load
from dann_tfbs.training.dataset import labelled_sequences, labelled_table, source_assays
from dann_tfbs.training.train import train

SPLITS = ("train", "validation")


def left_out_scores(
    name: str,
    runs: Sequence[Run],
    path: Path,
    work: Path,
    device: str = "auto",
    report: Callable[[str], None] = lambda text: None,
) -> dict[str, float]:
    """Train a candidate again without each labelled assay, and score it on that assay.

    The assay left out plays the target: its labels are hidden, its training rows become the
    unlabelled pool, and its held-out rows, at the run's window, are the test. The candidate learns
    from what is left of its source; where nothing is left, from the other genomic assays, or else
    from the first of the other assays. A candidate that started from another run has that trained
    again as well, since its weights know the assay.

    Parameters
    ----------
    name
        Name of the candidate, for messages.
    runs
        Its runs, one for each seed.
    path
        The table that it learnt from.
    work
        Folder of the trainings; a finished one of the same settings and data is not repeated.
    device
        Where to train and score.
    report
        Called before every training with what it is.

    Returns
    -------
    dict
        Assay to AUROC, a mean over seeds.

    Raises
    ------
    InputError
        If the table holds fewer than two labelled assays, or a training cannot be done.
    """
    table = labelled_table(runs[0].experiment.data, path)
    assays = labelled_assays(table)
    if len(assays) < 2:
        raise InputError(
            f"the table holds {len(assays)} assay(s) with labelled training and validation rows "
            f"({', '.join(assays) or 'none'}).",
            path=path,
            key="--select",
            remedy="Leaving one out takes two: prepare the table with both, or choose by source, "
            "iwv or dev.",
        )
    scores = {}
    for assay in assays:
        folder = _retrained(name, runs, path, assay, assays, work, device, report)
        model = load(folder, device)
        sequences, labels = labelled_sequences(table, [assay], "validation")
        cut = sequence.centre_crop(sequences, model.experiment.data.training_window)
        columns = model.logits(cut).T
        scores[assay] = float(np.mean([auroc(column, labels) for column in columns]))
    return scores


def labelled_assays(table: pa.Table) -> list[str]:
    """Return the assays with positives and negatives in the training and validation split."""
    found = []
    for assay in pc.unique(table["assay"]).to_pylist():
        labels = [labelled_sequences(table, [assay], split)[1] for split in SPLITS]
        if all(0 < part.sum() < len(part) for part in labels):
            found.append(assay)
    return found


def _retrained(
    name: str,
    runs: Sequence[Run],
    path: Path,
    assay: str,
    assays: Sequence[str],
    work: Path,
    device: str,
    report: Callable[[str], None],
) -> Path:
    """Return the folder of a candidate trained without an assay."""
    base = None
    if runs[0].experiment.initial is not None:
        earlier = [read_run(folder) for folder in _starting_runs(runs)]
        base = _retrained(name, earlier, path, assay, assays, work, device, report)
    table = _table_without(path, runs[0].experiment.data.tf, assay, work)
    experiment = without_assay(runs, assay, assays, table, base)
    plain = as_plain(experiment)
    for key in ("name", "initial", "device"):
        plain.pop(key)
    plain["data"].pop("path")
    # The names of table and base tell their content, wherever they lie.
    decided = [plain, table.name, base and base.name, __version__]
    digest = hashlib.sha256(json.dumps(decided, sort_keys=True, default=str).encode()).hexdigest()
    out = work / f"without-{assay}-{digest[:16]}"
    if not _finished(out, len(runs)):
        report(f"training {name} without {assay}: {out}")
        resume = out.is_dir()
        train(experiment.model_copy(update={"device": device}), out, resume=resume)
    return out


def _finished(out: Path, models: int) -> bool:
    if not out.is_dir():
        return False
    return is_run(out) or sum(is_run(folder) for folder in out.glob("*/")) == models


def _starting_runs(runs: Sequence[Run]) -> list[Path]:
    """Return the runs that these started from, each once."""
    found: list[Path] = []
    for run in runs:
        started = provenance(run).get("started_from")
        initial = run.experiment.initial
        assert initial is not None
        known = isinstance(started, dict) and is_run(Path(str(started["run"])))
        found += [Path(str(started["run"]))] if known else find_runs(initial)  # type: ignore[index]
    return list(dict.fromkeys(found))


def without_assay(
    runs: Sequence[Run],
    assay: str,
    assays: Sequence[str],
    table: Path,
    base: Path | None = None,
) -> Experiment:
    """Return the settings of runs to be trained side by side with an assay as their target.

    Parameters
    ----------
    runs
        The seeds of a candidate.
    assay
        The assay left out.
    assays
        All labelled assays.
    table
        The table without its labels.
    base
        Run to start from; None means seeds alone.
    """
    old = runs[0].experiment
    heads = dict(old.head_settings)
    own = heads.pop(assay, None) or old.head_settings[old.data.target]
    baseline = old.mode == "baseline"
    data = old.data.model_copy(
        update={
            "path": table,
            "source": _remaining_source(old.data.source, assay, assays),
            "target": assay,
            "window": old.data.training_window,
            "target_length": None,
            "unlabelled": {},
        }
    )
    return old.model_copy(
        update={
            "data": data,
            "heads": {assay: own} if baseline else {assay: own, **heads},
            "initial": base,
            "seed": min(run.experiment.seed for run in runs),
            "seeds": len(runs),
            "name": None,
        }
    )


def _remaining_source(source: str, assay: str, assays: Sequence[str]) -> str:
    others = [code for code in assays if code != assay]
    left = [code for code in source_assays(source) if code in others]
    left = left or [code for code in others if code in genomic_sources()] or others[:1]
    return "both" if set(left) == set(genomic_sources()) else left[0]


def _table_without(path: Path, tf: str | None, assay: str, work: Path) -> Path:
    """Return a table in which one assay is known by unlabelled sequences alone."""
    folder = work / f"table-{tf}-without-{assay}-{files.sha256(table_file(path))[:16]}"
    if (folder / TABLE_FILE).is_file():
        return folder
    table = read_table(path)
    table = table.filter(
        pc.and_(
            pc.and_(pc.equal(table["tf"], tf), pc.is_valid(table["label"])),
            pc.is_in(table["split"], pa.array(SPLITS)),
        )
    )
    hidden = pc.equal(table["assay"], assay)
    pool = table.filter(pc.and_(hidden, pc.equal(table["split"], "train")))
    marks = pa.array([TARGET] * len(pool), pa.string())
    for column, values in (
        ("label", pa.nulls(len(pool), pa.int8())),
        ("source", marks),
        ("split", marks),
    ):
        pool = pool.set_column(pool.schema.get_field_index(column), column, values)
    rest = table.filter(pc.invert(hidden))
    write_table(folder / TABLE_FILE, pa.concat_tables([rest.cast(SCHEMA), pool.cast(SCHEMA)]))
    return folder
