"""`dann-tfbs benchmark build`: test sets by the published construction, in the official format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

_PATH = click.Path(path_type=Path)


@click.command()
@click.option("--out", required=True, type=_PATH, help="Folder to write.")
@click.option("--ibis-root", type=_PATH, help="Raw data in the IBIS layout.")
@click.option(
    "--prepared", multiple=True, type=_PATH, help="Prepared table; its test rows. Repeatable."
)
@click.option("--assay", "assays", multiple=True, help="Assay to build; repeatable. Default: all.")
@click.option("--tf", "tfs", multiple=True, help="TF to test; repeatable. Others serve as aliens.")
@click.option("--stage", default="Final", show_default=True, help="Final or Leaderboard.")
@click.option("--genome", type=_PATH, help="Genome FASTA, for CHS and GHTS.")
@click.option("--blacklist", type=_PATH, help="BED that test windows keep clear of.")
@click.option(
    "--test-chromosome",
    "test_chromosomes",
    multiple=True,
    help="Chromosome of the test windows; repeatable. Default: those of even number.",
)
@click.option(
    "--files", multiple=True, metavar="ASSAY=PATTERN", help="Which files test, by name: PBM=*_HK_*."
)
@click.option(
    "--max-positives",
    multiple=True,
    metavar="ASSAY=NUMBER",
    help="Most positives of a TF. Default: HTS=100000.",
)
@click.option("--exact", is_flag=True, help="Refuse data that have too few negatives.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of all draws.")
@click.option("--force", is_flag=True, help="Replace test sets that were built in OUT before.")
@click.option("--quiet", is_flag=True, help="Print warnings only.")
def build(
    out: Path,
    files: tuple[str, ...],
    max_positives: tuple[str, ...],
    force: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Build test sets out of raw assay files or prepared tables."""
    from dann_tfbs.settings import validated
    from dann_tfbs.testsets.build import build as run
    from dann_tfbs.testsets.settings import BuildSettings

    values: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    values["files"] = _by_assay(files, "--files")
    if max_positives:
        values["max_positives"] = _by_assay(max_positives, "--max-positives")
    settings = validated(BuildSettings, values, "command line")
    manifest = run(settings, out, force=force)
    for warning in manifest["warnings"]:
        click.echo(f"Warning: {warning}", err=True)
    if not quiet:
        for line in _lines(manifest):
            click.echo(line)
        click.echo(f"Built: {out}")


def _by_assay(texts: tuple[str, ...], option: str) -> dict[str, str]:
    """Read `ASSAY=value` entries."""
    values = {}
    for text in texts:
        assay, separator, value = text.partition("=")
        if not separator:
            raise click.BadParameter(f"'{text}' is not ASSAY=value", param_hint=option)
        values[assay.strip()] = value.strip()
    return values


def _lines(manifest: dict[str, Any]) -> list[str]:
    """Return a line for every TF and background."""
    lines = []
    for assay, report in manifest["assays"].items():
        lines.append(f"{assay}: {report['sequences']:,} sequences")
        for tf, own in report["tfs"].items():
            for one in own.values() if assay == "PBM" else [own]:
                positives = f"{one['positives']['count']:,} positives"
                found = ", ".join(
                    f"{name} {drawn['count']:,} (GC distance {drawn['gc_distance']})"
                    for name, drawn in one["backgrounds"].items()
                )
                lines.append(f"  {tf}: {positives}; {found}")
    return lines
