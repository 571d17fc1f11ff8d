"""`dann-tfbs benchmark score`: score and rank submissions."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("benchmark", type=click.Path(path_type=Path))
@click.argument("submissions", nargs=-1, required=True)
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    help="What __ROOTDIR__ stands for; by default the folder that holds BENCHMARK_CONFIGS.",
)
@click.option("--stage", help="Only benchmarks of this stage: Leaderboard or Final.")
@click.option("--csv", "csv_path", type=click.Path(path_type=Path), help="Write values here.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write everything here.")
@click.option(
    "--table/--no-table", default=True, show_default=True, help="Print tables in Markdown."
)
@click.option("--quiet", is_flag=True, help="Do not say what is being scored.")
def score(
    benchmark: Path,
    submissions: tuple[str, ...],
    root: Path | None,
    stage: str | None,
    csv_path: Path | None,
    json_path: Path | None,
    table: bool,
    quiet: bool,
) -> None:
    """Score SUBMISSIONS on BENCHMARK, and rank them.

    BENCHMARK is a benchmark.json of the IBIS challenge or of `dann-tfbs benchmark build`, or a
    folder with such files below it. Each of SUBMISSIONS is one team or run: a file or a folder of
    files, PATH or NAME=PATH. Files are tables of scores (AAA: .tsv or .tsv.gz) or matrices (the
    IBIS PWM format), which are scored twice, by best hit and by sum of occupancy.
    """
    from dann_tfbs import files
    from dann_tfbs.evaluation.benchmark.definition import read_definitions
    from dann_tfbs.evaluation.benchmark.score import score_teams
    from dann_tfbs.evaluation.benchmark.submissions import read_teams
    from dann_tfbs.evaluation.benchmark.tables import as_csv, as_json, as_markdown

    def progress(text: str) -> None:
        if not quiet:
            click.echo(text, err=True)

    teams = read_teams(submissions)
    scores = score_teams(read_definitions(benchmark, root, stage), teams, progress)
    if csv_path is not None:
        files.write_text(csv_path, as_csv(scores))
    if json_path is not None:
        files.write_json(json_path, as_json(scores))
    if table:
        click.echo(as_markdown(scores), nl=False)
