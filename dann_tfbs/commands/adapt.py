"""`dann-tfbs adapt`: a new run from a finished one and unlabelled sequences of its target."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import click

RUNS = Path("runs")


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("unlabelled", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), help="New folder; else runs/<RUN>-<alignments>."
)
@click.option(
    "--alignment",
    "alignments",
    multiple=True,
    metavar="KIND",
    help="adabn (default: no training, no table), dann, cdan, coral, moments, mmd, entropy, mcc, "
    "self_training, contrastive, or module:Class; may be repeated. All but adabn train further, on "
    "the table of RUN.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Of the further training; else RUN's.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Table to train on; else that of RUN, which must be unchanged.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Else that of RUN.")
@click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="CPU threads."
)
@click.option("--device", help="auto, cpu or cuda; else as RUN says.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any setting.")
@click.option(
    "--tracking",
    type=click.Choice(["mlflow", "off"]),
    default="mlflow",
    show_default=True,
    help="Record the run in MLflow.",
)
@click.option("--quiet", is_flag=True, help="No progress bar, and only the folder as output.")
def adapt(
    run: Path,
    unlabelled: Path,
    out: Path | None,
    alignments: tuple[str, ...],
    epochs: int | None,
    data: Path | None,
    seed: int | None,
    threads: int,
    device: str | None,
    overrides: tuple[str, ...],
    tracking: Literal["mlflow", "off"],
    quiet: bool,
) -> None:
    """Adapt RUN to UNLABELLED sequences of its target; RUN stays as it is.

    RUN is a run folder or a folder of seeds; UNLABELLED is FASTA, FASTQ, text with one sequence a
    line, a Parquet table or a prepared folder (all of its rows; labels are never read).

    By default the batch statistics alone are estimated anew (AdaBN): the gentlest way, which
    needs neither a table nor a training. No way helps everywhere, and some do harm: which one
    helps depends on the pair of assays. docs/results.md says what was measured, and
    `dann-tfbs select` chooses among runs without labels of the target.
    """
    import torch

    from dann_tfbs.experiments.adapting_run import Request, agreement
    from dann_tfbs.experiments.adapting_run import adapt as adapted
    from dann_tfbs.experiments.tracking import make_tracker

    if device is not None:
        overrides = (*overrides, f"device={device}")
    request = Request(alignments, overrides, epochs, data, seed)
    out = out or RUNS / "-".join([run.resolve().name, *request.words])
    torch.set_num_threads(threads)
    folders = adapted(
        run,
        unlabelled,
        out,
        request,
        lambda: make_tracker(tracking),
        show_progress=not quiet and sys.stderr.isatty(),
    )
    if not quiet:
        for folder, rho in zip(folders, agreement(run, folders, unlabelled), strict=True):
            click.echo(f"{folder}: rank correlation with the run before, on UNLABELLED, {rho:.4f}")
    click.echo(str(out))
