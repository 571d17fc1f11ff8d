"""`dann-tfbs benchmark`: test sets as the IBIS challenge makes and scores them."""

from __future__ import annotations

import click

from dann_tfbs.commands.benchmark_build import build
from dann_tfbs.commands.benchmark_score import score


@click.group()
def benchmark() -> None:
    """Test sets as the IBIS challenge makes and scores them."""


benchmark.add_command(build)
benchmark.add_command(score)
