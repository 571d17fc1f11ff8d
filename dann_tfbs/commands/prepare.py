"""`dann-tfbs prepare`: raw assay files to a table that training and evaluation read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
@click.option("--config", type=click.Path(path_type=Path), help="YAML file with the recipe.")
@click.option("--ibis-root", type=click.Path(path_type=Path), help="Data in the IBIS layout.")
@click.option("--sheet", type=click.Path(path_type=Path), help="Sample sheet (TSV) instead.")
@click.option("--tf", help="Transcription factor.")
@click.option("--assay", "assays", multiple=True, help="Assay of the positives; may be repeated.")
@click.option("--target", help="Assay to be predicted; sets the default ratio.")
@click.option("--genome", type=click.Path(path_type=Path), help="Genome FASTA, for peaks.")
@click.option("--blacklist", type=click.Path(path_type=Path), help="BED to keep negatives out of.")
@click.option("--files", help="Pattern of the positive files' names, such as '*DREAM5ME*'.")
@click.option(
    "--negatives", help="Kinds with weights, such as shades=1,aliens=2,gc=2; else what fits."
)
@click.option("--ratio", help="Negatives per positive, or `all` (every unbound probe).")
@click.option("--split", "split_by", help="auto, chromosome, hash, group or all.")
@click.option("--seed", type=int, help="Seed of all draws.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any recipe key.")
@click.option("--quiet", is_flag=True, help="Print warnings only.")
def prepare(
    out: Path,
    config: Path | None,
    assays: tuple[str, ...],
    negatives: str | None,
    split_by: str | None,
    overrides: tuple[str, ...],
    quiet: bool,
    **options: Any,
) -> None:
    """Make a prepared folder: table.parquet, manifest.json, quality.json and quality.png."""
    from dann_tfbs.data.prepare import prepare as run
    from dann_tfbs.data.recipe import Recipe
    from dann_tfbs.data.sources import skipped
    from dann_tfbs.settings import read_yaml, validated, with_overrides, with_values

    values = read_yaml(config) if config else {}
    values |= {key: value for key, value in options.items() if value is not None}
    if assays:
        values["assays"] = list(assays)
    if negatives is not None:
        values["negatives"] = _weights(negatives)
    if split_by is not None:
        values = with_values(values, {"split.by": split_by})
    values = with_overrides(values, list(overrides))
    recipe = validated(Recipe, values, str(config or "command line"))
    manifest = run(recipe, out)
    for warning in _warnings(manifest):
        click.echo(f"Warning: {warning}", err=True)
    if not quiet:
        if recipe.ibis_root and (passed := skipped(recipe.ibis_root)):
            names = ", ".join(str(path.relative_to(recipe.ibis_root)) for path in passed[:5])
            more = ", …" if len(passed) > 5 else ""
            click.echo(f"Note: {len(passed)} passed over, of unknown kind: {names}{more}", err=True)
        for name, count in manifest["counts"].items():
            click.echo(f"{count:>9,}  {name}")
        click.echo(f"Prepared: {out}")


def _warnings(manifest: dict[str, Any]) -> list[str]:
    """Return what the splits and the quality report warn of."""
    found = list(manifest["quality"]["warnings"])
    for assay, report in manifest["assays"].items():
        warnings = [*report["split"]["warnings"], *manifest["quality"]["assays"][assay]["warnings"]]
        found += [f"{assay}: {warning}" for warning in warnings]
    return found


def _weights(text: str) -> dict[str, float]:
    """Read `kind=weight,…`; a kind without a weight weighs 1."""
    weights = {}
    for part in text.split(","):
        kind, _, weight = part.partition("=")
        try:
            weights[kind.strip()] = float(weight) if weight else 1.0
        except ValueError as error:
            raise click.BadParameter(
                f"'{part}' is not kind=weight", param_hint="--negatives"
            ) from error
    return weights
