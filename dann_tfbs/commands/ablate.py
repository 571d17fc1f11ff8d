"""`dann-tfbs ablate`: run a study, on this machine or many."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import click

STUDIES = Path("runs") / "studies"


@click.command()
@click.argument("study_file", metavar="STUDY.yaml", type=click.Path(path_type=Path))
@click.option(
    "--data",
    help="Which of the study's data to use, such as real or simulated; else the first whose folder "
    "is there.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder; else runs/studies/NAME-DATA.")
@click.option("--full", is_flag=True, help="The long variant of the study.")
@click.option("--workers", type=click.IntRange(min=0), help="Processes or jobs; else one a core.")
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="A Dask cluster that is running.")
@click.option("--slurm", is_flag=True, help="Ask SLURM for the workers.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="A key of the study.")
@click.option("--dry-run", is_flag=True, help="Say what would be run, and stop.")
@click.option(
    "--tracking",
    type=click.Choice(["mlflow", "off"]),
    default="mlflow",
    show_default=True,
    help="Record the study in MLflow.",
)
@click.option("--quiet", is_flag=True, help="No progress bar, and only the folder as output.")
def ablate(
    study_file: Path,
    data: str | None,
    out: Path | None,
    full: bool,
    workers: int | None,
    scheduler: str | None,
    slurm: bool,
    overrides: tuple[str, ...],
    dry_run: bool,
    tracking: Literal["mlflow", "off"],
    quiet: bool,
) -> None:
    """Run the study that STUDY.yaml describes, and compare its variants.

    A finished training is never repeated: after an interruption, or a change of the study, the same
    command goes on with what is missing. A training that fails is reported at the end.
    """
    from tqdm import tqdm

    from dann_tfbs.experiments.comparison.compared import compared
    from dann_tfbs.experiments.comparison.study import read_study
    from dann_tfbs.experiments.comparison.tables import overview
    from dann_tfbs.experiments.comparison.write import write_comparison
    from dann_tfbs.experiments.study.cluster import Machines
    from dann_tfbs.experiments.study.record import StudyRecord
    from dann_tfbs.experiments.study.settings import chosen_source, read_study_settings
    from dann_tfbs.experiments.study.study import Done, finished, open_study, run_study
    from dann_tfbs.experiments.study.units import units_of
    from dann_tfbs.experiments.study_folder import FAILED, TABLES

    if scheduler and slurm:
        raise click.UsageError("--scheduler and --slurm exclude each other.")
    study = read_study_settings(study_file, overrides, full=full)
    data = chosen_source(study, data)
    out = out or STUDIES / f"{study.name}-{data}"

    def say(text: str) -> None:
        if not quiet:
            click.echo(text, err=True)

    units = units_of(study, study.data[data], out / TABLES, say)
    missing = [unit for unit in units if not finished(unit, out)]
    say(
        f"{len(units)} trainings of {study.seeds} seeds each; {len(units) - len(missing)} finished."
    )
    if dry_run:
        for unit in missing:
            click.echo(f"{unit.key}  {unit.task}: {unit.variant}")
        return
    open_study(out, study, data, units)
    record = StudyRecord(out) if tracking == "mlflow" else None
    bar = tqdm(total=len(missing), unit="training", disable=quiet or not sys.stderr.isatty())

    def on_done(done: Done) -> None:
        bar.update()
        if done.error is not None:
            bar.write(f"{done.unit.task}: {done.unit.variant} failed: {done.error}", sys.stderr)
        elif record is not None:
            record.add(done.folder)

    status: Literal["FINISHED", "FAILED", "KILLED"] = "KILLED"
    failed: list[Done] = []
    try:
        with bar:
            failed = run_study(study, units, out, Machines(workers, scheduler, slurm), on_done)
        if any(finished(unit, out) for unit in units):
            comparison = compared(read_study(out), seed=0)
            write_comparison(out, [comparison])
            if not quiet:
                click.echo(overview(comparison))
        status = "FAILED" if failed else "FINISHED"
    finally:
        if record is not None:
            counts = {"trainings": float(len(units)), "failed": float(len(failed))}
            record.finish(status, counts)
    click.echo(str(out))
    if failed:
        raise click.ClickException(
            f"{len(failed)} of {len(units)} trainings failed; their tracebacks are in "
            f"{out / FAILED}. The same command tries them again."
        )
