"""`dann-tfbs download`: public data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.group()
def download() -> None:
    """Download public data."""


@download.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("ibis"),
    show_default=True,
    help="Folder.",
)
@click.option(
    "--track",
    type=click.Choice(["A2G", "G2A"]),
    help="Only the assays of this track. Default: all.",
)
@click.option(
    "--stage", type=click.Choice(["Leaderboard", "Final"]), help="Only this stage. Default: both."
)
@click.option("--list", "list_only", is_flag=True, help="Show the archives and download nothing.")
@click.option(
    "--unpack-only", is_flag=True, help="Unpack archives that lie in OUT/archives; no network."
)
@click.option("--quiet", is_flag=True, help="No bars.")
@click.option("--base-url", envvar="DANN_TFBS_ZENODO", hidden=True)
def ibis(
    out: Path,
    track: Any,
    stage: str | None,
    list_only: bool,
    unpack_only: bool,
    quiet: bool,
    base_url: str | None,
) -> None:
    """Download the IBIS challenge from Zenodo and unpack it into its folder layout.

    An interrupted download goes on where it stopped when the command is run again.
    """
    from dann_tfbs.download import ibis as data

    address = base_url or data.ZENODO
    if list_only:
        for archive in data.wanted(data.listed(address), stage, track):
            click.echo(f"{archive.size / 2**20:>10,.1f} MiB  {archive.name}  doi:{archive.doi}")
    elif unpack_only:
        data.unpack_by_hand(out, track=track, say=click.echo)
    else:
        data.download(
            out, stage=stage, track=track, base_url=address, progress=not quiet, say=click.echo
        )
        click.echo(f"The data are in {out}.")
