"""`dann-tfbs compare`: studies, or runs, as tables and one report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dann_tfbs.experiments.comparison.study import Study


@click.command()
@click.argument(
    "paths", metavar="RUNS...|STUDY", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for comparison.md, comparison.csv, differences.csv and report.html; of a study "
    "its own folder by default, of runs none.",
)
@click.option("--reference", help="Variant that the others are set against; else the first run.")
@click.option("--label", "labels", multiple=True, help="Name of each RUN's variant, in order.")
@click.option(
    "--by",
    multiple=True,
    metavar="KEY",
    help="Setting that makes the variants of RUNS, such as mode or training.epochs.",
)
@click.option(
    "--test",
    "tests",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Score RUNS on these sequences, or on the test of a prepared folder; may be repeated.",
)
@click.option(
    "--answers",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Labels of each --test that is no prepared folder, in order.",
)
@click.option(
    "--metric", type=click.Choice(["auroc", "auprc"]), help="What decides; else as the study says."
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of the bootstrap over TFs.",
)
@click.option("--device", default="auto", show_default=True, help="Where RUNS are scored.")
def compare(
    paths: tuple[Path, ...],
    out: Path | None,
    reference: str | None,
    labels: tuple[str, ...],
    by: tuple[str, ...],
    tests: tuple[Path, ...],
    answers: tuple[Path, ...],
    metric: str | None,
    seed: int,
    device: str,
) -> None:
    """Compare the variants of a STUDY, or RUNS, with a reference.

    Prints a table. Differences are paired by task and seed; intervals resample TFs. RUNS of several
    TFs, sources or targets are compared task by task. Without --test their scores are those on
    held-out sequences of the source.
    """
    from dann_tfbs.experiments.study_folder import is_study

    studies = [is_study(path) for path in paths]
    if all(studies):
        if labels or by or tests or answers:
            raise click.UsageError("--label, --by, --test and --answers are for RUNS.")
        found = _studies(paths, reference, metric)
    elif any(studies):
        raise click.UsageError("Give studies or RUNS, not both at once.")
    else:
        if labels and (by or len(labels) != len(paths)):
            raise click.UsageError("Give one --label for each RUN, and no --by.")
        found = [_runs(paths, reference, labels, by, tests, answers, metric, device)]

    from dann_tfbs.experiments.comparison.compared import compared
    from dann_tfbs.experiments.comparison.tables import overview
    from dann_tfbs.experiments.comparison.write import PAGE_FILE, write_comparison

    comparisons = [compared(study, seed=seed) for study in found]
    for one in comparisons:
        if len(comparisons) > 1:
            click.echo(f"# {one.study.name}\n")
        click.echo(overview(one))
    if out is not None:
        write_comparison(out, comparisons)
        click.echo(str(out / PAGE_FILE))
        return
    for one in comparisons:
        if one.study.folder is not None:
            write_comparison(one.study.folder, [one])
            click.echo(str(one.study.folder / PAGE_FILE))


def _studies(paths: tuple[Path, ...], reference: str | None, metric: str | None) -> list[Study]:
    from dataclasses import replace

    from dann_tfbs.experiments.comparison.study import read_study, set_against

    studies = [set_against(read_study(path), reference) for path in paths]
    return [replace(study, metric=metric or study.metric) for study in studies]


def _runs(
    paths: tuple[Path, ...],
    reference: str | None,
    labels: tuple[str, ...],
    by: tuple[str, ...],
    tests: tuple[Path, ...],
    answers: tuple[Path, ...],
    metric: str | None,
    device: str,
) -> Study:
    import torch

    from dann_tfbs.experiments.comparison.labelled_tests import read_tests
    from dann_tfbs.experiments.comparison.runs import study_of_runs

    torch.set_num_threads(1)  # the networks are so small that one is fastest
    return study_of_runs(
        paths,
        labels=labels,
        by=by,
        reference=reference,
        metric=metric or "auroc",
        tests=read_tests(tests, answers),
        device=device,
    )
