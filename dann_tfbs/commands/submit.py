"""`dann-tfbs submit`: check submissions to the IBIS challenge, and make them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

REFUSED = 2
"""Exit code where a submission has an error."""


@click.group()
def submit() -> None:
    """Check submissions to the IBIS challenge, and make them out of runs or matrices."""


@submit.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--benchmark",
    type=click.Path(path_type=Path),
    help="What must be there: benchmark.json, or participants' sequences in FASTA.",
)
@click.option("--fasta", type=click.Path(path_type=Path), help="The same, for FASTA.")
@click.option("--tfs", help="TFs of the benchmark, with commas between them.")
@click.option(
    "--kind", type=click.Choice(["aaa", "pwm"]), help="By default as the file's first line says."
)
@click.option(
    "--most",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Problems of each rule to show.",
)
def validate(
    file: Path,
    benchmark: Path | None,
    fasta: Path | None,
    tfs: str | None,
    kind: Literal["aaa", "pwm"] | None,
    most: int,
) -> None:
    """Check FILE, an AAA table or matrices in the PWM format.

    Prints every problem with its line and field, whether it is an official rule or one of ours, and
    ends with exit code 2 if there is an error. Warnings alone are let pass.
    """
    from dann_tfbs.submission.validate import validate

    if benchmark is not None and fasta is not None:
        raise click.UsageError("Give --benchmark or --fasta, not both.")
    findings = validate(file, benchmark or fasta, _split(tfs), kind, most)
    for line in findings.lines():
        click.echo(line)
    if findings.errors:
        raise click.exceptions.Exit(REFUSED)


@submit.command()
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder of the submission."
)
@click.option(
    "--fasta",
    "fastas",
    multiple=True,
    type=click.Path(path_type=Path),
    help="<ASSAY>_participants.fasta; once for each assay.",
)
@click.option(
    "--ibis-root", type=click.Path(path_type=Path), help="Find them in this package instead."
)
@click.option(
    "--stage",
    type=click.Choice(["Leaderboard", "Final"]),
    help="Stage of the package, where it holds both.",
)
@click.option("--tfs", help="TFs of the benchmark, with commas between them.")
@click.option(
    "--matrix",
    type=click.Path(path_type=Path),
    help="Matrices (MEME format) to submit instead of runs; needs --tfs.",
)
@click.option(
    "--strands",
    type=click.Choice(["mean", "max", "forward"]),
    help="How the two strands are joined; by default as each run says.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option(
    "--threads", type=click.IntRange(min=1), help="Threads that score; by default one a core."
)
def make(
    runs: tuple[Path, ...],
    out: Path,
    fastas: tuple[Path, ...],
    ibis_root: Path | None,
    stage: str | None,
    tfs: str | None,
    matrix: Path | None,
    strands: str | None,
    device: str,
    threads: int | None,
) -> None:
    """Make a submission out of RUNS, or of matrices.

    RUNS: a run, or a folder of runs (an ensemble), for each TF and target assay. Each assay gets
    <ASSAY>_aaa.tsv, with a column for each TF, and is checked as `submit validate` does. An
    interrupted command goes on where it stopped when it is given again.
    """
    names = _split(tfs)
    if matrix is not None:
        if runs or fastas or ibis_root is not None or not names:
            raise click.UsageError("--matrix needs --tfs, and no RUNS and sequences.")
        _make_matrices(matrix, names, out)
        return
    if not runs or bool(fastas) == (ibis_root is not None):
        raise click.UsageError("Name RUNS, and --fasta or --ibis-root (one of them); or --matrix.")
    from dann_tfbs.submission.expected import tfs_of
    from dann_tfbs.submission.make import make_submission
    from dann_tfbs.submission.participants import by_assay, find_benchmarks, find_participants

    if ibis_root is None:
        participants, benchmarks = by_assay(fastas), {}
    else:
        participants = find_participants(ibis_root, stage)
        benchmarks = find_benchmarks(ibis_root, stage)
    known = {code: tfs_of(path) for code, path in benchmarks.items()}
    made = make_submission(
        runs,
        participants,
        out,
        tfs=dict.fromkeys(participants, names) if names else known,
        strands=strands,
        device=device,
        threads=threads,
        say=lambda text: click.echo(text, err=True),
    )
    for table in made:
        for line in table.findings.lines():
            click.echo(line)


def _make_matrices(meme: Path, tfs: list[str], out: Path) -> None:
    from dann_tfbs.motifs import read_meme
    from dann_tfbs.submission.matrices import write_pwm

    findings = write_pwm(
        out / "pwm.txt", read_meme(meme), tfs, lambda text: click.echo(text, err=True)
    )
    for line in findings.lines():
        click.echo(line)


def _split(names: str | None) -> list[str] | None:
    return None if names is None else [name.strip() for name in names.split(",") if name.strip()]
