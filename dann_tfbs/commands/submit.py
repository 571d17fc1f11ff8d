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


def _split(names: str | None) -> list[str] | None:
    return None if names is None else [name.strip() for name in names.split(",") if name.strip()]
