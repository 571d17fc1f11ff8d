"""`dann-tfbs predict`: score sequences with trained models, or with a matrix."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click


@click.command()
@click.argument("runs_and_input", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="Output: .tsv (IBIS AAA, five digits) or .csv (full precision), also with .gz behind it.",
)
@click.option("--tf", help="Name of the score column; by default the TF of the run or matrix.")
@click.option(
    "--strands",
    type=click.Choice(["mean", "max", "forward"]),
    help="How the two strands are joined; by default as the run says.",
)
@click.option("--split", help="Score only this split of a prepared table.")
@click.option("--meme", type=click.Path(path_type=Path), help="Score with a matrix of this file.")
@click.option("--matrix", help="Name of the matrix.")
@click.option(
    "--scan",
    type=click.Choice(["best_hit", "occupancy"]),
    default="occupancy",
    show_default=True,
    help="Score of a matrix: its best hit, or its occupancy summed over positions and strands.",
)
@click.option("--overhang", is_flag=True, help="Let a matrix hang over the ends of a sequence.")
@click.option(
    "--separate", is_flag=True, help="A column for each RUN instead of one for their ensemble."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option(
    "--threads", type=click.IntRange(min=1), help="Threads that score; by default one a core."
)
def predict(
    runs_and_input: tuple[Path, ...],
    out: Path,
    tf: str | None,
    strands: str | None,
    split: str | None,
    meme: Path | None,
    matrix: str | None,
    scan: Literal["best_hit", "occupancy"],
    overhang: bool,
    separate: bool,
    device: str,
    threads: int | None,
) -> None:
    """Score the sequences of INPUT with one run, or with several as an ensemble or side by side.

    Usage: dann-tfbs predict RUN… INPUT --out FILE, or
    dann-tfbs predict INPUT --meme FILE --matrix NAME --out FILE.
    INPUT is FASTA, FASTQ, text with one sequence a line, a Parquet table or a prepared folder.
    An interrupted command goes on where it stopped when it is given again.
    """
    from dann_tfbs.data.scoring_input import read_scoring_input
    from dann_tfbs.errors import InputError
    from dann_tfbs.files import sha256
    from dann_tfbs.scorers import matrix_scorer, run_scorer, separate_scorers
    from dann_tfbs.submission.question import ask
    from dann_tfbs.submission.streaming import score_file
    from dann_tfbs.threads import available_cores

    *runs, source = runs_and_input
    if separate and (tf is not None or not runs):
        raise click.UsageError("--separate needs at least one RUN, and does not go with --tf.")
    if meme is not None or matrix is not None:
        if runs or meme is None or matrix is None:
            raise click.UsageError("A matrix needs --meme and --matrix, and no RUN.")
        scorers = [matrix_scorer(meme, matrix, scan, overhang)]
    elif separate:
        scorers = separate_scorers(runs, strands, device)
    elif runs:
        scorers = [run_scorer(runs, strands, device)]
    else:
        raise click.UsageError("Name at least one RUN before INPUT.")
    if out.exists() and source.exists() and out.samefile(source):
        raise InputError(
            "is the input too, which would be lost.", path=out, key="--out", remedy="Name another."
        )
    columns = [tf] if tf else [scorer.column for scorer in scorers]
    options = {"strands": strands, "split": split, "separate": separate, "device": device}
    if meme is not None:
        options |= {"meme": sha256(meme), "matrix": matrix, "scan": scan, "overhang": overhang}
    count = score_file(
        out,
        columns,
        ask(source, columns, runs, **options),
        lambda: read_scoring_input(source, split=split),
        scorers,
        threads or available_cores(),
        lambda text: click.echo(text, err=True),
        torch=bool(runs),
    )
    click.echo(f"{count} sequences scored: {out}")
