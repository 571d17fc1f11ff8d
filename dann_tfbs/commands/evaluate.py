"""`dann-tfbs evaluate`: compare predictions with answers."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("predictions", type=click.Path(path_type=Path))
@click.argument("answers", type=click.Path(path_type=Path))
@click.option("--tf", help="Evaluate this TF only, or say what the answers are about.")
@click.option("--assay", help="As --tf: CHS, GHTS, HTS, SMS or PBM.")
@click.option(
    "--split",
    help="Rows of a prepared table: test (default where there are any), validation, train or all.",
)
@click.option(
    "--resamples",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    help="Bootstrap resamples for the 95 % intervals; 0 for none.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the report here.")
@click.option(
    "--table/--no-table", default=True, show_default=True, help="Print the report as a table."
)
def evaluate(
    predictions: Path,
    answers: Path,
    tf: str | None,
    assay: str | None,
    split: str | None,
    resamples: int,
    seed: int,
    json_path: Path | None,
    table: bool,
) -> None:
    """Compare PREDICTIONS (.tsv or .csv: tag, then a column for each TF) with ANSWERS.

    ANSWERS is an official answer JSON, a prepared table (folder or Parquet) or text with a tag and
    a label on each line. For each TF, assay and kind of negatives the report gives AUROC and AUPRC
    as PRROC computes them, the assay's own metrics, and 95 % intervals.
    """
    import numpy as np

    from dann_tfbs import files
    from dann_tfbs.assays import get_assay
    from dann_tfbs.evaluation.answers import choose_split, read_answers
    from dann_tfbs.evaluation.evaluate import evaluate as score
    from dann_tfbs.evaluation.predictions import read_predictions

    if assay is not None:
        get_assay(assay)
    chosen = choose_split(read_answers(answers, tf, assay), split)
    report = score(chosen, read_predictions(predictions), np.random.default_rng(seed), resamples)
    if json_path is not None:
        files.write_json(json_path, report.to_json())
    if table:
        click.echo(report.to_table(), nl=False)
