"""`dann-tfbs select`: choose among finished runs without labels of the target."""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from pathlib import Path

import click


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--select",
    "rule",
    type=click.Choice(["source", "leave-one-assay-out", "iwv", "dev", "oracle"]),
    default="source",
    show_default=True,
    help="The rule; docs/selection.md says what each assumes. oracle reads labels of the target "
    "and is marked for it.",
)
@click.option(
    "--unlabelled",
    type=click.Path(path_type=Path),
    help="Sequences of the target, for iwv and dev (FASTA, FASTQ, text or Parquet).",
)
@click.option(
    "--answers", type=click.Path(path_type=Path), help="Labels of the target, for oracle alone."
)
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Write all numbers here."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Table with held-out source sequences; else the one that all RUNS learnt from.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="CPU threads."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
def select(
    runs: tuple[Path, ...],
    rule: str,
    unlabelled: Path | None,
    answers: Path | None,
    json_path: Path | None,
    data: Path | None,
    seed: int,
    threads: int,
    device: str,
) -> None:
    """Choose among finished RUNS, each a run folder or a folder of seeds (scored as their mean).

    Prints a table of all candidates, and the chosen one on the last line. For iwv and dev the first
    RUN gives the embedding in which source and target are compared: name the one without adaptation
    first. leave-one-assay-out trains every candidate again without each labelled assay; with --json
    FILE those trainings stay beside FILE and are not repeated.
    """
    import torch

    from dann_tfbs import files
    from dann_tfbs.experiments.candidates import compare

    torch.set_num_threads(threads)
    kept = None if json_path is None else json_path.with_name(f"{json_path.stem}-trainings")
    with tempfile.TemporaryDirectory() if kept is None else nullcontext(kept) as work:
        found = compare(
            runs,
            rule,  # type: ignore[arg-type]  # click has checked it
            Path(work),
            unlabelled=unlabelled,
            answers=answers,
            data=data,
            device=device,
            seed=seed,
            report=lambda text: click.echo(text, err=True),
        )
    if json_path is not None:
        files.write_json(json_path, found.to_json())
    click.echo(found.to_table())
    click.echo(found.selection.name)
