"""Measure how long the help of the command line takes, and what it imports.

    python benchmarks/startup.py [--repeats 15]

Fresh processes of `dann-tfbs --help`, of each command's help, and, for comparison, of Python alone
and of Python with click, alternating; wall seconds, medians and the slowest of each.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from statistics import median

from dann_tfbs.cli import COMMANDS

HEAVY = (
    "torch", "mlflow", "scipy", "sklearn", "pyarrow", "matplotlib", "numba", "pandas", "numpy",
    "pydantic",
)  # fmt: skip
"""Libraries that are slow to import."""


def commands() -> dict[str, list[str]]:
    """Return what is timed: a name and the arguments of Python."""
    timed = {"python -c pass": ["-c", "pass"], "python -c 'import click'": ["-c", "import click"]}
    for words in ([], *([name] for name in COMMANDS)):
        timed[" ".join(["dann-tfbs", *words, "--help"])] = ["-m", "dann_tfbs", *words, "--help"]
    return timed


def seconds(arguments: list[str]) -> float:
    """Return the wall seconds of one fresh process."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def imported(arguments: list[str]) -> set[str]:
    """Return the modules that a process has imported when it ends."""
    kind, what, *words = arguments
    act = what if kind == "-c" else f"import runpy; runpy.run_module({what!r}, None, '__main__')"
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        f"sys.argv[1:] = {words!r}\n{act}"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stderr.split())


def main() -> None:
    """Parse the command line, measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    timed = commands()
    taken: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(repeats):
        for name, arguments in timed.items():
            taken[name].append(seconds(arguments))
    print("| process | median s | slowest s | modules | heavy ones |")
    print("|---|---|---|---|---|")
    for name, arguments in timed.items():
        modules = imported(arguments)
        heavy = ", ".join(library for library in HEAVY if library in modules) or "none"
        print(
            f"| `{name}` | {median(taken[name]):.3f} | {max(taken[name]):.3f} | {len(modules)} | "
            f"{heavy} |"
        )


if __name__ == "__main__":
    main()
