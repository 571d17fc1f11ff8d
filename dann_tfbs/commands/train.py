"""`dann-tfbs train`: fit a model and write its run folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from dann_tfbs.commands.train_package import package_options, taken, train_package

if TYPE_CHECKING:
    from dann_tfbs.config import Experiment
    from dann_tfbs.training.train import Trained

RUNS = Path("runs")


@click.command()
@click.option(
    "--mode",
    type=click.Choice(["baseline", "multihead", "dann"]),
    help="One head, a head for each assay, or these with a domain discriminator.",
)
@click.option("--config", type=click.Path(path_type=Path), help="YAML file with settings.")
@click.option("--data", type=click.Path(path_type=Path), help="Prepared folder.")
@click.option(
    "--target",
    help="Assay to be predicted: CHS, GHTS, HTS, SMS or PBM; else what the data were prepared for.",
)
@click.option("--source", help="Assay to train on, `both` (CHS and GHTS) or `auto`.")
@click.option(
    "--unlabelled",
    multiple=True,
    metavar="[ASSAY=]FILE",
    help="Unlabelled sequences of an assay (of the target, if none is named), to adapt to; where "
    "no alignment is set, by the moments of the background.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Run folder; else a new one in runs/.")
@click.option("--seed", type=int, help="Seed of all randomness.")
@click.option("--seeds", type=int, help="Train so many models side by side, an ensemble.")
@click.option("--device", help="auto, cpu or cuda.")
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="CPU threads; the network is so small that one is usually fastest.",
)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any setting.")
@click.option("--resume", type=click.Path(path_type=Path), help="Continue this interrupted run.")
@click.option(
    "--tracking",
    type=click.Choice(["mlflow", "off"]),
    default="mlflow",
    show_default=True,
    help="Record the run in MLflow.",
)
@click.option("--quiet", is_flag=True, help="No progress bar, and only the folder as output.")
@package_options
def train(
    config: Path | None,
    out: Path | None,
    threads: int,
    overrides: tuple[str, ...],
    unlabelled: tuple[str, ...],
    resume: Path | None,
    tracking: Literal["mlflow", "off"],
    quiet: bool,
    **options: Any,
) -> None:
    """Train on a prepared folder; without --data, on a built-in simulated set.

    With --ibis-root: train every TF and assay of a package, and write the submission. An
    interrupted command goes on where it stopped when it is given again.
    """
    asked = taken(options)
    if asked is not None and (resume or unlabelled):
        raise click.UsageError("--resume and --unlabelled do not go with --ibis-root.")
    import torch

    from dann_tfbs.config import GENTLE_ALIGNMENT, Experiment
    from dann_tfbs.data.table import prepared_target
    from dann_tfbs.experiments.built_in import built_in_data
    from dann_tfbs.experiments.run_training import run_training
    from dann_tfbs.experiments.tracking import make_tracker
    from dann_tfbs.model.network import Network, summary
    from dann_tfbs.run_folder import CONFIG_FILE
    from dann_tfbs.settings import read_yaml, validated, with_overrides, with_values

    if resume is not None:
        if config or out:
            raise click.UsageError("--resume takes the settings and the folder of that run.")
        config, out = resume / CONFIG_FILE, resume
    values = with_values(read_yaml(config) if config else {}, _named(options))
    values = with_overrides(values, overrides)
    if asked is not None:
        train_package(asked, values, out, threads=threads, tracking=tracking, quiet=quiet)
        return
    # What the data were prepared for comes before any check that depends on the target.
    given = values.get("data")
    if isinstance(given, dict) and given.get("path") and "target" not in given:
        target = prepared_target(Path(given["path"]))
        values = with_values(values, {"data.target": target} if target else {})
    experiment = validated(Experiment, values, str(config or "command line"))
    if unlabelled:
        files = _by_assay(unlabelled, experiment.data.target)
        values = with_values(values, {"data.unlabelled": files})
        experiment = validated(Experiment, values, "--unlabelled")
        if not experiment.adapts:
            click.echo("No alignment is set: matching the moments of the background.", err=True)
            values = with_values(values, {"adaptation.alignments": [GENTLE_ALIGNMENT]})
            experiment = validated(Experiment, values, "--unlabelled")
    if experiment.data.path is None:
        click.echo("No data given: training on the built-in simulated set.", err=True)
        path = built_in_data(RUNS / "built-in", experiment.data.target)
        data = experiment.data.model_copy(update={"path": path})
        experiment = experiment.model_copy(update={"data": data})
    out = out or _new_folder(experiment.name or _default_name(experiment))
    torch.set_num_threads(threads)
    if not quiet:
        network = Network(experiment.architecture, experiment.network_heads)
        click.echo(summary(network))
    trained = run_training(
        experiment,
        out,
        lambda: make_tracker(tracking),
        resume=resume is not None,
        show_progress=not quiet and sys.stderr.isatty(),
    )
    if not quiet:
        _report(trained)
    click.echo(str(out))


def _named(options: dict[str, Any]) -> dict[str, Any]:
    """Return the given options under their dotted keys."""
    keys = {"data": "data.path", "target": "data.target", "source": "data.source"}
    return {keys.get(k, k): v for k, v in options.items() if v is not None}


def _by_assay(options: tuple[str, ...], target: str) -> dict[str, str]:
    """Return the files given as `ASSAY=FILE` or `FILE`, by assay."""
    found: dict[str, str] = {}
    for option in options:
        assay, separator, file = option.partition("=")
        if not separator or Path(option).exists():  # a file may hold a '=' in its name
            assay, file = target, option
        if assay in found:
            raise click.UsageError(f"--unlabelled names two files for {assay}; join them into one.")
        found[assay] = file
    return found


def _default_name(experiment: Experiment) -> str:
    data = experiment.data
    parts = [experiment.mode, data.tf, data.source, "to", data.target]
    return "-".join(part for part in parts if part)


def _new_folder(name: str) -> Path:
    """Return a folder in runs/ that does not exist yet."""
    out, number = RUNS / name, 1
    while out.exists():
        number += 1
        out = RUNS / f"{name}-{number}"
    return out


def _report(trained: Trained) -> None:
    for row in trained.source_scores:
        shown = ", ".join(f"{k} {v:.4f}" for k, v in row.items() if isinstance(v, float))
        click.echo(f"source {row['source']}: {shown}")
    for folder, records in zip(trained.folders, trained.histories, strict=True):
        last = records[-1]
        scores = [
            f"{name} {max(r[key] for r in records):.4f}"
            for name, key in (("AUROC", "validation_auroc"), ("AUPRC", "validation_auprc"))
            if key in last
        ]
        shown = ", best validation " + ", ".join(scores) if scores else ""
        click.echo(f"{folder}: loss {last['train_loss']:.4f}{shown}")
