"""`dann-tfbs benchmark`: test sets as the IBIS challenge makes and scores them."""

from __future__ import annotations

import importlib

import click

SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "build": ("dann_tfbs.commands.benchmark_build:build", "Build test sets out of assay files."),
    "score": ("dann_tfbs.commands.benchmark_score:score", "Score and rank submissions."),
}
"""Each sub-command's name, where it lives (`module:attribute`) and its line in `--help`."""


class _Table(click.Group):
    """A group that imports a sub-command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in SUBCOMMANDS:
            return None
        module, _, attribute = SUBCOMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in SUBCOMMANDS.items()])


@click.group(cls=_Table)
def benchmark() -> None:
    """Test sets as the IBIS challenge makes and scores them."""
