"""What the documentation says must hold: commands, settings, links, modules and examples."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, get_args

import click
import numpy as np
import pytest
import yaml

from dann_tfbs.cli import COMMANDS, app
from dann_tfbs.config import PRESETS, Experiment
from dann_tfbs.data.recipe import NegativeKind, Recipe, SplitSettings
from dann_tfbs.data.table import SCHEMA
from dann_tfbs.settings import as_plain, read_yaml, validated, with_overrides

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "runs" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
RECIPES = sorted((ROOT / "configs" / "recipes").glob("*.yaml"))


def fenced(text: str, language: str = "") -> list[str]:
    """Return the fenced blocks of a page that are marked with this language."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [body for marked, body in blocks if marked == language]


def commands() -> list[Any]:
    """Return every `dann-tfbs …` line in the pages' blocks, the Makefile and the configs."""
    texts = {page: "\n".join(fenced(page.read_text("utf-8"))) for page in PAGES}
    for config in (ROOT / "configs").rglob("*.yaml"):
        texts[config] = re.sub(r"^#\s*", "", config.read_text("utf-8"), flags=re.MULTILINE)
    found = []
    for page, text in texts.items():
        whole = text.replace("\\\n", " ")
        for line in re.findall(r"^dann-tfbs .*$", whole, re.MULTILINE):
            found.append(pytest.param(line, id=f"{page.name}: {line}"))
    return found


def parsed(line: str) -> tuple[str, dict[str, Any]]:
    """Parse a command line with click, without running it; return its name and parameters."""
    name, *rest = shlex.split(line, comments=True)[1:]
    command = app.get_command(click.Context(app), name)
    assert command is not None, f"there is no command {name}"
    return name, command.make_context(name, rest).params


@pytest.mark.parametrize("line", commands())
def test_every_command_line_of_the_pages_parses(line: str):
    name, params = parsed(line)
    if name == "train":
        values = read_yaml(ROOT / params["config"]) if params["config"] else {}
        validated(Experiment, with_overrides(values, params["overrides"]), line)
    if name == "prepare":
        base = {"tf": "X", "assays": ["CHS"], "ibis_root": "ibis"}
        values = read_yaml(ROOT / params["config"]) if params["config"] else base
        validated(Recipe, with_overrides(values, params["overrides"]), line)


def test_the_pages_show_every_command():
    shown = {parsed(case.values[0])[0] for case in commands()}
    assert shown == set(COMMANDS)


def test_a_wrong_option_does_not_parse():
    with pytest.raises(click.UsageError, match="--sedes"):
        parsed("dann-tfbs train --sedes 5")


def test_the_baseline_config_states_every_default():
    values = yaml.safe_load((ROOT / "configs" / "baseline.yaml").read_text("utf-8"))
    assert values == as_plain(Experiment())


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_the_example_recipes_are_valid(path: Path):
    validated(Recipe, read_yaml(path), str(path))


def test_the_table_of_recipe_keys_equals_the_recipe():
    text = (ROOT / "docs" / "prepare.md").read_text("utf-8").partition("## Recipe")[2]
    rows = re.findall(r"^\| `([\w.]+)` \| (.*?) \|", text.partition("Defaults by")[0], re.MULTILINE)
    stated = {key: default.strip("`") for key, default in rows}
    fields = {name: field for name, field in Recipe.model_fields.items() if name != "split"}
    fields |= {f"split.{name}": field for name, field in SplitSettings.model_fields.items()}
    expected = {
        name: "required" if field.is_required() else _as_written(field.default)
        for name, field in fields.items()
    }
    assert stated == expected


def _as_written(default: Any) -> str:
    return default if isinstance(default, str) else json.dumps(default)


def test_the_pages_name_every_column_and_kind_of_negatives():
    text = (ROOT / "docs" / "prepare.md").read_text("utf-8")
    columns = re.findall(
        r"^\| `(\w+)` \| (\w+) \|", text.partition("## The prepared table")[2], re.MULTILINE
    )
    assert columns == [(field.name, _short(str(field.type))) for field in SCHEMA]
    kinds = text.partition("## Negatives")[2].partition("Windows out of")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", kinds, re.MULTILINE)) == set(get_args(NegativeKind))


def _short(arrow_type: str) -> str:
    return "float64" if arrow_type == "double" else arrow_type


def test_the_table_of_layouts_names_every_preset():
    text = (ROOT / "docs" / "training.md").read_text("utf-8").partition("| preset |")[2]
    rows = re.findall(
        r"^\| `([\w-]+)`[^|]*\| ([\d, ]+) × (\d+) \| (\d+) \|.*\| (\d+) \|", text, re.MULTILINE
    )
    stated = {
        name: (tuple(map(int, widths.split(","))), int(channels), int(blocks), int(depthwise))
        for name, widths, channels, blocks, depthwise in rows
    }
    assert stated == {
        name: (a.stem_widths, a.stem_channels, a.blocks, a.depthwise_width)
        for name, a in PRESETS.items()
    }


def test_the_architecture_page_names_every_module():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8").partition("## Modules")[2]
    stated = set(re.findall(r"^\| `([\w/]+\.py)` \|", text, re.MULTILINE))
    package = ROOT / "dann_tfbs"
    found = {path.relative_to(package).as_posix() for path in package.rglob("*.py")}
    assert stated == {name for name in found if not name.endswith("__init__.py")}


def test_the_architecture_page_shows_the_layers_that_are_checked():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert "\n".join(layers) + "\n" in fenced(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_inside_the_project_lead_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if target.startswith(("https://", "http://")):
            continue
        place, _, anchor = target.partition("#")
        file = (page.parent / place) if place else page
        assert file.is_file(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in _anchors(file), f"{page.name} links to {target}"


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_python_examples_are_python(page: Path):
    for block in fenced(page.read_text("utf-8"), "python"):
        compile(block, page.name, "exec")


@pytest.fixture
def forkhead_peaks(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Return a folder with `genome.fa` and, in `ibis/`, peaks whose summits are TGTTTAC sites."""
    folder = tmp_path / "ibis" / "train" / "CHS" / "FOXA1"
    folder.mkdir(parents=True)
    peaks, genome = ["#CHROM\tSTART\tEND\tabs_summit\n"], ""
    for chrom in ("chr1", "chr2"):
        letters = rng.choice(list("ACGT"), 300_000)
        for summit in range(2_000, 298_000, 4_000):
            letters[summit - 3 : summit + 4] = list("TGTTTAC")
            peaks.append(f"{chrom}\t{summit - 100}\t{summit + 100}\t{summit}\n")
        genome += f">{chrom}\n{''.join(letters)}\n"
    (tmp_path / "genome.fa").write_text(genome)
    (folder / "peaks.peaks").write_text("".join(peaks))
    return tmp_path


def test_the_python_example_of_the_readme_runs_and_finds_the_motif(
    forkhead_peaks: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(forkhead_peaks)
    (example,) = fenced((ROOT / "README.md").read_text("utf-8"), "python")
    names: dict[str, Any] = {}
    exec(example, names)
    with_site, without = re.findall(r'"([ACGT]{10,})"', example)
    assert "TGTTTAC" in with_site
    assert "TGTTTAC" not in without
    bound, unbound = names["model"].predict([with_site, without])
    assert bound > unbound + 0.1
    assert names["report"].row("FOXA1", "CHS").metrics["auroc"].value > 0.9
    assert "| FOXA1 | CHS   | test  |" in capsys.readouterr().out


def test_the_paired_difference_of_the_page_is_the_difference_of_two_aurocs():
    (example,) = fenced((ROOT / "docs" / "prediction.md").read_text("utf-8"), "python")
    names: dict[str, Any] = {}
    exec(example.replace("paired_difference(a", "difference = paired_difference(a"), names)
    # a ranks all 4 pairs right; b has one positive below one negative: 3 of 4.
    assert names["difference"].value == pytest.approx(1 - 3 / 4)


def test_importing_the_package_is_light_and_load_comes_when_asked_for():
    code = (
        "import sys, dann_tfbs\n"
        "print('torch' in sys.modules)\n"
        "from dann_tfbs import load\n"
        "print('torch' in sys.modules, load.__module__)\n"
        "try: dann_tfbs.lode\n"
        "except AttributeError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "False",
        "True dann_tfbs.trained",
        "module 'dann_tfbs' has no attribute 'lode'",
    ]
