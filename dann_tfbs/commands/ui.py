"""`dann-tfbs ui`: MLflow's pages of the recorded runs, on this machine alone."""

from __future__ import annotations

import click

TRAININGS = "#/experiments?workflowType=machine_learning"
"""MLflow's pages begin with what they show of language models, unless told otherwise."""


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="Port to use."
)
@click.option(
    "--uri", help="Database of MLflow; else MLFLOW_TRACKING_URI, else sqlite:///runs/mlflow.db."
)
def ui(port: int, uri: str | None) -> None:
    """Open MLflow's pages on 127.0.0.1 until Ctrl-C."""
    from dann_tfbs.experiments.tracked.pages import shown
    from dann_tfbs.experiments.tracked.store import chosen_uri

    with shown(chosen_uri(uri), port) as pages:
        click.echo(f"MLflow: {pages.address}/{TRAININGS} (Ctrl-C ends it)")
        pages.wait()
