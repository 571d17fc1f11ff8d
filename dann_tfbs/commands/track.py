"""`dann-tfbs track`: what MLflow has of finished runs."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def track() -> None:
    """Look after what MLflow has of finished runs."""


@track.command()
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--uri",
    help="MLflow tracking URI; else MLFLOW_TRACKING_URI, else sqlite:///runs/mlflow.db.",
)
@click.option("--quiet", is_flag=True, help="Only the last line.")
def sync(runs: tuple[Path, ...], uri: str | None, quiet: bool) -> None:
    """Send finished RUNS to MLflow that it does not have yet, or not wholly.

    RUNS are run folders, folders of seeds, studies, or folders of these; runs/ by default. What
    MLflow has is skipped, and an interrupted call is continued by the next one.
    """
    from dann_tfbs.errors import DannTfbsError
    from dann_tfbs.experiments.sync import sync as send
    from dann_tfbs.experiments.tracked.store import chosen_uri

    def report(text: str) -> None:
        if not quiet:
            click.echo(text)

    synced = send(runs or (Path("runs"),), chosen_uri(uri), report)
    click.echo(str(synced))
    if synced.failed:
        raise DannTfbsError(f"{synced.failed} runs could not be sent.")
