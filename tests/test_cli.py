import errno
import subprocess
import sys
import types
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner, Result

from dann_tfbs import __version__
from dann_tfbs.cli import COMMANDS, app
from dann_tfbs.errors import InputError, OutputError

HEAVY = {
    "torch", "mlflow", "scipy", "sklearn", "pyarrow", "matplotlib", "numba", "pandas", "numpy",
    "pydantic",
}  # fmt: skip
"""Libraries that cost more than a glance at the help is worth."""


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `dann-tfbs [options] act`, where `act` raises the given error."""

    def call(error: BaseException | None, *options: str) -> Result:
        @click.command()
        def act() -> None:
            if error is not None:
                raise error
            click.echo("done")

        module = types.ModuleType("made_up_commands")
        module.act = act  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "made_up_commands", module)
        monkeypatch.setitem(COMMANDS, "act", ("made_up_commands:act", "Act."))
        return CliRunner().invoke(app, [*options, "act"])

    return call


def help_of(*words: str) -> tuple[str, set[str]]:
    """Return what `dann-tfbs [words] --help` prints in a fresh process, and what it imports."""
    output = run_python(
        "import sys; from dann_tfbs.cli import app\n"
        f"app({[*words, '--help']!r}, standalone_mode=False)\n"
        "print('LOADED', *sys.modules)"
    )
    text, _, loaded = output.partition("LOADED ")
    return text, set(loaded.split())


def test_help_lists_the_commands_in_working_order_and_imports_nothing_heavy():
    text, loaded = help_of()
    places = [text.index(f"\n  {name} ") for name in COMMANDS]
    assert places == sorted(places)
    assert not HEAVY & loaded
    assert not [name for name in loaded if name.startswith("dann_tfbs.commands")]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command_imports_nothing_heavy(name: str):
    text, loaded = help_of(name)
    assert f" {name} [OPTIONS]" in text
    assert COMMANDS[name][0].partition(":")[0] in loaded
    assert not HEAVY & loaded


def test_an_input_error_is_one_line_on_stderr_with_exit_code_2(run):
    error = InputError("is empty.", path="x.fa", line=3, remedy="Give\na sequence.")
    result = run(error)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == "Error: x.fa:3: is empty. Give a sequence.\n"


def test_another_known_error_has_exit_code_1(run):
    result = run(OutputError("cannot be written."))
    assert (result.exit_code, result.stderr) == (1, "Error: cannot be written.\n")


def test_debug_adds_the_traceback_and_keeps_the_exit_code(run):
    result = run(InputError("is empty."), "--debug")
    assert result.exit_code == 2
    assert result.stderr.startswith("Traceback")
    assert result.stderr.endswith("Error: is empty.\n")


def test_interruption_exits_with_130_and_no_traceback(run):
    result = run(KeyboardInterrupt())
    assert (result.exit_code, result.stderr) == (130, "Error: interrupted.\n")


def test_a_full_disk_is_explained(run):
    result = run(OSError(errno.ENOSPC, "No space left on device", "runs/a"))
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: runs/a: no space left on the disk. Free some space")


def test_an_error_that_nobody_foresaw_is_not_hidden(run):
    assert isinstance(run(PermissionError(errno.EACCES, "denied", "a")).exception, PermissionError)
    assert isinstance(run(ZeroDivisionError()).exception, ZeroDivisionError)


def test_a_closed_pipe_ends_quietly():
    done = subprocess.run(
        f"{sys.executable} -m dann_tfbs --help | true; echo ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.stdout.strip() in ("0", "1")


def test_a_command_that_succeeds_exits_with_0(run):
    result = run(None)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "done\n", "")


def test_an_unknown_command_is_a_usage_error():
    result = CliRunner().invoke(app, ["trian"])
    assert result.exit_code == 2
    assert "No such command 'trian'" in result.stderr


def test_nothing_is_searched_for_garbage_when_the_process_ends():
    # What is registered first is called last.
    output = run_python(
        "import atexit, gc, sys\n"
        "atexit.register(lambda: print(gc.get_freeze_count() > 0))\n"
        "from dann_tfbs.cli import main\n"
        "sys.argv[1:] = ['--version']\n"
        "main()"
    )
    assert output.splitlines()[-1] == "True"


def test_the_module_runs_like_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "dann_tfbs", "--version"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, f"dann-tfbs, version {__version__}\n")
