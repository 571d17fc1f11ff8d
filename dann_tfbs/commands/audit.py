"""`dann-tfbs audit`: how well assays are told apart, without a model and by embeddings of runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from dann_tfbs.trained import TrainedModel


@click.command()
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="Prepared folder; never its test.")
@click.option(
    "--unlabelled",
    multiple=True,
    metavar="ASSAY=FILE",
    help="Unlabelled sequences (FASTA, FASTQ, text or Parquet); may be repeated.",
)
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    help="Run to set beside RUN, such as the one before adaptation.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write into.")
@click.option("--tf", help="TF of the table; else that of RUN, or the only one.")
@click.option(
    "--rows",
    type=click.Choice(["all", "bound", "background"]),
    default="all",
    show_default=True,
    help="What is told apart: all sequences, bound ones alone, or unbound and unlabelled ones.",
)
@click.option(
    "--most",
    type=click.IntRange(min=10),
    default=2000,
    show_default=True,
    help="Sequences of a domain, drawn at random where there are more.",
)
@click.option(
    "--length", type=click.IntRange(min=1), help="Cut every sequence to its middle so many bp."
)
@click.option(
    "--k",
    type=click.IntRange(1, 6),
    default=3,
    show_default=True,
    help="Length of the k-mers in bp.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
def audit(
    run: Path | None,
    data: Path | None,
    unlabelled: tuple[str, ...],
    against: Path | None,
    out: Path,
    tf: str | None,
    rows: Literal["all", "bound", "background"],
    most: int,
    length: int | None,
    k: int,
    seed: int,
    device: str,
) -> None:
    """Tell assays apart by GC content, length and k-mers alone, and by the embedding of RUN.

    Writes audit.json, audit.md, separability.png and, where there is a RUN, embedding.png into the
    folder --out. RUN may be an ensemble: its numbers are means over the models, the picture is of
    the first one.
    """
    if run is None and against is not None:
        raise click.UsageError("--against needs a RUN to set beside it.")
    pools = [_named_file(text) for text in unlabelled]
    if data is None and not pools:
        raise click.UsageError("Give --data, --unlabelled or both.")

    from dann_tfbs import files
    from dann_tfbs.experiments.audit import audit as examine
    from dann_tfbs.experiments.audit_domains import read_domains
    from dann_tfbs.experiments.figures import save_figure

    models = {} if run is None else _models(run, against, device)
    if tf is None and models:
        tf = next(iter(models.values())).experiment.data.tf
    domains = read_domains(data, pools, tf=tf, most=most, length=length, seed=seed)
    found = examine(domains, models, rows=rows, k=k, seed=seed)
    table = found.to_table()
    settings = {"length": length, "most": most, "k": k}
    files.write_json(out / "audit.json", found.to_json() | {"settings": settings})
    files.write_text(out / "audit.md", table)
    for name, figure in found.figures().items():
        save_figure(figure, out / f"{name}.png")
    click.echo(table)
    click.echo(str(out))


def _named_file(text: str) -> tuple[str, Path]:
    name, separator, path = text.partition("=")
    if not (name.strip() and separator and path):
        raise click.BadParameter(
            f"'{text}' is not of the form ASSAY=FILE.", param_hint="--unlabelled"
        )
    return name.strip(), Path(path)


def _models(run: Path, against: Path | None, device: str) -> dict[str, TrainedModel]:
    """Load the runs under names that tell them apart, in the order before, after."""
    from dann_tfbs.trained import load

    paths = [run] if against is None else [against, run]
    names = [path.resolve().name for path in paths]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    if len(set(names)) < len(names):
        raise click.UsageError("--against names RUN itself.")
    return {name: load(path, device) for name, path in zip(names, paths, strict=True)}
