"""`dann-tfbs train --ibis-root`: every TF and assay of a package, as one submission."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

PACKAGES = Path("runs") / "packages"

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS = [
    click.option(
        "--ibis-root",
        type=click.Path(path_type=Path),
        help="Train every TF and assay of this package of the IBIS challenge, and write the "
        "submission. Needs --track and --stage; the options below go with it.",
    ),
    click.option(
        "--track",
        type=click.Choice(["G2A", "A2G"]),
        help="G2A: from CHS and GHTS to HTS, SMS and PBM. A2G: the other way.",
    ),
    click.option("--stage", type=click.Choice(["Leaderboard", "Final"])),
    click.option("--tf", "tfs", multiple=True, metavar="NAME", help="Only this TF (repeatable)."),
    click.option(
        "--genome", type=click.Path(path_type=Path), help="Genome FASTA; else DIR/genome.fa."
    ),
    click.option(
        "--prepare", multiple=True, metavar="KEY=VALUE", help="Any recipe key of the tables."
    ),
    click.option(
        "--workers",
        type=click.IntRange(min=0),
        help="Processes that train; else one a core. 0: this one.",
    ),
]


def package_options(command: Function) -> Function:
    """Add the options of a whole package to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True)
class PackageOptions:
    """What was asked for by the options of `package_options`."""

    ibis_root: Path
    track: Literal["G2A", "A2G"]
    stage: Literal["Leaderboard", "Final"]
    tfs: tuple[str, ...]
    genome: Path | None
    prepare: tuple[str, ...]
    workers: int | None


def taken(options: dict[str, Any]) -> PackageOptions | None:
    """Take the options of a package out of all options; None without `--ibis-root`.

    Raises
    ------
    click.UsageError
        If they do not go together, or with others.
    """
    own = {name: options.pop(name) for name in PackageOptions.__dataclass_fields__}
    if own["ibis_root"] is None:
        for name, value in own.items():
            if value not in (None, ()):
                shown = "--tf" if name == "tfs" else f"--{name}"
                raise click.UsageError(f"{shown} goes with --ibis-root.")
        return None
    if own["track"] is None or own["stage"] is None:
        raise click.UsageError("--ibis-root needs --track and --stage.")
    for name in ("data", "target"):
        if options.get(name) is not None:
            raise click.UsageError(f"--ibis-root finds its data itself; leave --{name} out.")
    return PackageOptions(**own)


def train_package(
    asked: PackageOptions,
    values: dict[str, Any],
    out: Path | None,
    *,
    threads: int,
    tracking: Literal["mlflow", "off"],
    quiet: bool,
) -> None:
    """Train what is not finished, write the submission, and print a table.

    Parameters
    ----------
    asked
        The options of the package.
    values
        Settings of every run, nested.
    out
        Folder of the package's runs; None means one in runs/packages.
    threads, tracking, quiet
        As of `dann-tfbs train`.
    """
    from tqdm import tqdm

    from dann_tfbs.experiments.package.identity import locked, open_folder
    from dann_tfbs.experiments.package.layout import find_package
    from dann_tfbs.experiments.package.run import Outcome, plan, submit, table_of, train_all
    from dann_tfbs.experiments.package.tasks import FAILED
    from dann_tfbs.experiments.study.cluster import Machines
    from dann_tfbs.settings import with_overrides

    def say(text: str) -> None:
        if not quiet:
            click.echo(text, err=True)

    package = find_package(asked.ibis_root, asked.track, asked.stage)
    for remark in package.remarks():
        say(remark)
    recipe = with_overrides({}, asked.prepare)
    planned = plan(asked.ibis_root, package, values, recipe, genome=asked.genome, tfs=asked.tfs)
    experiment = planned.tasks[0].experiment
    name = f"{asked.track}-{asked.stage}-{experiment.name or experiment.mode}"
    out = out or PACKAGES / name
    with locked(out):
        open_folder(out, planned.identity, planned.files)
        missing = [task for task in planned.tasks if not task.is_finished(out)]
        done = len(planned.tasks) - len(missing)
        say(f"{len(planned.tasks)} trainings; {done} finished.")
        bar = tqdm(total=len(missing), unit="training", disable=quiet or not sys.stderr.isatty())

        def on_done(outcome: Outcome) -> None:
            bar.update()
            if outcome.error is not None:
                text = f"{outcome.tf} in {outcome.target} failed: {outcome.error}"
                bar.write(text, file=sys.stderr)

        with bar:
            outcomes = train_all(
                planned,
                out,
                Machines(asked.workers),
                threads=threads,
                tracking=tracking,
                on_done=on_done,
            )
        scoring = threads if asked.workers == 0 else asked.workers
        made = submit(planned, out, device=experiment.device, threads=scoring, say=say)
    if not quiet:
        click.echo(table_of(outcomes))
        for table in made:
            for line in table.findings.lines():
                click.echo(line)
    click.echo(str(out))
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    if failed:
        raise click.ClickException(
            f"{len(failed)} of {len(outcomes)} trainings failed; their tracebacks are in "
            f"{out / FAILED}. The same command tries them again."
        )
