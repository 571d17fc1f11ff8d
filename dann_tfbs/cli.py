"""The command line: a table of commands, each imported only when it is called."""

from __future__ import annotations

import atexit
import errno
import gc
import importlib
import sys
import traceback
from typing import Any

import click

from dann_tfbs._version import __version__
from dann_tfbs.errors import DannTfbsError

COMMANDS: dict[str, tuple[str, str]] = {
    "simulate": ("dann_tfbs.commands.simulate:simulate", "Write a simulated set of assays."),
    "download": ("dann_tfbs.commands.download:download", "Download public data."),
    "prepare": ("dann_tfbs.commands.prepare:prepare", "Turn raw assay files into a table."),
    "train": ("dann_tfbs.commands.train:train", "Train a model and write its run folder."),
    "adapt": ("dann_tfbs.commands.adapt:adapt", "Adapt a run to unlabelled sequences."),
    "select": ("dann_tfbs.commands.select:select", "Choose among runs without target labels."),
    "predict": ("dann_tfbs.commands.predict:predict", "Score sequences with trained models."),
    "submit": ("dann_tfbs.commands.submit:submit", "Check or make submissions to IBIS."),
    "evaluate": ("dann_tfbs.commands.evaluate:evaluate", "Compare predictions with answers."),
    "ablate": ("dann_tfbs.commands.ablate:ablate", "Run a study: many trainings, compared."),
    "compare": ("dann_tfbs.commands.compare:compare", "Compare runs or studies; write a report."),
    "benchmark": ("dann_tfbs.commands.benchmark:benchmark", "Build and score test sets of IBIS."),
    "audit": ("dann_tfbs.commands.audit:audit", "Show what tells assays apart."),
    "track": ("dann_tfbs.commands.track:track", "Send finished runs to MLflow."),
    "ui": ("dann_tfbs.commands.ui:ui", "Show recorded runs in a browser."),
}
"""Each command's name, where it lives (`module:attribute`) and its line in `--help`."""

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells report it."""


class _Failure(click.ClickException):
    """An error that is shown in one line, with an exit code of its own."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message.replace("\n", " "))
        self.exit_code = exit_code  # type: ignore[misc]


class CommandTable(click.Group):
    """A group that imports a command when it is called, and explains the errors that it raises."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands in the order of a user's work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None where there is no such name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command; a known error becomes one line and its exit code."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except (DannTfbsError, OSError, KeyboardInterrupt) as error:
            if ctx.params["debug"]:
                traceback.print_exc()
            failure = _explained(error)
            if failure is None:
                raise
            raise failure from error
        return result


def _explained(error: BaseException) -> _Failure | None:
    """Return what to show instead of an error; None where it had better pass as it is."""
    if isinstance(error, DannTfbsError):
        return _Failure(str(error), error.exit_code)
    if isinstance(error, KeyboardInterrupt):
        return _Failure("interrupted.", INTERRUPTED)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        place = f"{error.filename}: " if error.filename else ""
        return _Failure(
            f"{place}no space left on the disk. Free some space or write to another disk.", 1
        )
    return None


@click.group(
    cls=CommandTable,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Each command explains itself: dann-tfbs COMMAND --help",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, prog_name="dann-tfbs")
def app(debug: bool) -> None:
    """Transcription-factor binding models that transfer between assays."""


def main() -> None:
    """Run the command line (the entry point of `dann-tfbs` and `python -m dann_tfbs`)."""
    # The process ends with the command. Without this, Python first looks through every object that
    # PyTorch and MLflow made for garbage, several times, which takes about a second.
    atexit.register(gc.freeze)
    app(prog_name="dann-tfbs")
