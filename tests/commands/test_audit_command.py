"""`dann-tfbs audit`: from a table and runs to numbers, text and pictures."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from planted import planted_table

from dann_tfbs.commands.audit import audit
from dann_tfbs.config import Experiment
from dann_tfbs.errors import InputError
from dann_tfbs.experiments.audit import audit as examine
from dann_tfbs.experiments.audit_domains import Domain
from dann_tfbs.model.network import initial_state
from dann_tfbs.run_folder import write_run
from dann_tfbs.sequence import from_codes
from dann_tfbs.trained import load


def run(*arguments):
    result = CliRunner().invoke(audit, [str(x) for x in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table of CHS and HTS of one kind, a GC-rich pool, a run and an ensemble."""
    folder = tmp_path_factory.mktemp("audit")
    planted_table(folder / "table", ("CHS", "HTS"), n=80, validation=20)
    rng = np.random.default_rng(0)
    pool = ("".join(rng.choice(list("ACGT"), 24, p=[0.1, 0.4, 0.4, 0.1])) for _ in range(300))
    (folder / "pool.txt").write_text("\n".join(pool))
    experiment = Experiment(architecture="single", data={"tf": "FOXA1", "window": 24})
    for name, seed in (("before", 0), ("after/seed-1", 1), ("after/seed-2", 2)):
        state = initial_state(experiment.architecture, ["HTS"], seed)
        write_run(folder / name, experiment, state, state, {}, {})
    return folder


def test_everything_is_written_and_the_numbers_are_right(folder, tmp_path):
    result = run(
        folder / "after", "--against", folder / "before", "--data", folder / "table",
        "--unlabelled", f"PBM={folder / 'pool.txt'}", "--most", 90, "--out", tmp_path / "out",
    )  # fmt: skip
    assert result.exit_code == 0
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        "audit.json", "audit.md", "embedding.png", "separability.png",
    ]  # fmt: skip
    assert result.output == (out / "audit.md").read_text() + f"\n{out}\n"
    found = json.loads((out / "audit.json").read_text())
    # 100 rows outside the test split, of which 90 are drawn.
    counts = {name: about["bound"] + about["unbound"] for name, about in found["domains"].items()}
    assert counts == {"CHS": 90, "HTS": 90, "PBM": 0}
    assert found["domains"]["PBM"]["unlabelled"] == 90
    assert found["domains"]["PBM"]["mean GC"] == pytest.approx(0.8, abs=0.03)
    gc = {(p["first"], p["second"]): p["auroc"] for p in found["controls"]["GC"]["pairs"]}
    assert gc["CHS", "PBM"] > 0.9
    assert gc["CHS", "HTS"] == pytest.approx(0.5, abs=0.12)
    assert set(found["controls"]) == {"GC", "length", "3-mers"}
    assert found["controls"]["length"]["balanced_accuracy"] == pytest.approx(1 / 3)
    assert {name: len(own["members"]) for name, own in found["runs"].items()} == {
        "before": 1, "after": 2,
    }  # fmt: skip
    after = found["runs"]["after"]
    by_member = [own["separability"]["balanced_accuracy"] for own in after["members"]]
    assert after["separability"]["balanced_accuracy"] == pytest.approx(np.mean(by_member))
    assert [one["domain"] for one in after["retrieval"]] == ["CHS", "HTS"]
    assert after["retrieval"][0]["references"] == 90
    for name in ("embedding", "separability"):
        with Image.open(out / f"{name}.png") as image:
            assert len(image.convert("RGB").getcolors(1 << 24)) > 5


def test_before_stands_before_after_in_the_table(folder, tmp_path):
    arguments = ["--data", folder / "table", "--most", 40, "--out", tmp_path]
    both = run(folder / "after", "--against", folder / "before", *arguments)
    head = next(line for line in both.output.splitlines() if line.startswith("| domains"))
    assert [cell.strip() for cell in head.split("|")[1:-1]] == [
        "domains", "GC", "length", "3-mers", "before", "after",
    ]  # fmt: skip


def test_without_a_run_there_is_no_embedding(folder, tmp_path):
    result = run("--data", folder / "table", "--out", tmp_path, "--k", 2, "--seed", 5)
    assert "2-mers" in result.output
    assert "Retrieval" not in result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "audit.json", "audit.md", "separability.png",
    ]  # fmt: skip
    first = (tmp_path / "audit.json").read_bytes()
    run("--data", folder / "table", "--out", tmp_path, "--k", 2, "--seed", 5)
    assert (tmp_path / "audit.json").read_bytes() == first


def planted_domains(rng):
    """Bound sequences are GC-rich in a and GC-poor in b; unbound ones are alike."""
    shares = {1: {"a": 0.9, "b": 0.1}, 0: {"a": 0.5, "b": 0.5}}
    domains = {}
    for name in "ab":
        parts = []
        for label in (0, 1):
            gc = shares[label][name]
            p = [(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]
            parts.append(rng.choice(4, (100, 30), p=p))
        codes = np.concatenate(parts).astype(np.uint8)
        domains[name] = Domain(from_codes(codes), np.repeat([0, 1], 100).astype(np.int8))
    return domains


def test_rows_choose_what_is_told_apart(rng):
    domains = planted_domains(rng)
    gc = {
        rows: examine(domains, {}, rows=rows).controls["GC"].balanced_accuracy
        for rows in ("all", "bound", "background")
    }
    assert gc["bound"] > 0.98
    assert gc["background"] == pytest.approx(0.5, abs=0.12)
    assert gc["background"] + 0.1 < gc["all"] < gc["bound"] - 0.1
    unlabelled = Domain(domains["a"].sequences, np.full(200, -1, dtype=np.int8))
    background = examine(domains | {"c": unlabelled}, {}, rows="background")
    assert [pair.name for pair in background.controls["GC"].pairs] == ["a – b", "a – c", "b – c"]
    with pytest.raises(InputError, match=r"too few or too small to be told apart \(a: 100\)"):
        examine({"a": domains["a"], "c": unlabelled}, {}, rows="bound")


def test_metrics_and_figures_for_a_tracker(folder, rng):
    domains = planted_domains(rng)
    found = examine(domains | {"b (2)": domains.pop("b")}, {"run": load(folder / "before")})
    assert sorted(found.figures()) == ["embedding", "separability"]
    metrics = found.metrics()
    (pair,) = found.runs["run"].mean.pairs
    assert metrics["audit/run/a to b _2_/a_distance"] == pair.a_distance
    (a, _) = found.runs["run"].retrieval[0]
    assert metrics["audit/run/a/r_precision"] == a.found["r_precision"]
    assert metrics["audit/run/a/r_precision by chance"] == 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "t", "--against", "r"], "--against needs a RUN"),
        (["--data", "t", "--unlabelled", "HTS"], "'HTS' is not of the form ASSAY=FILE"),
        ([], "Give --data, --unlabelled or both"),
    ],
)
def test_wrong_options(tmp_path, arguments, message):
    result = run(*arguments, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / "out").exists()


def test_wrong_input_writes_nothing(folder, tmp_path):
    out = ["--data", folder / "table", "--out", tmp_path / "out"]
    with pytest.raises(InputError, match="no finished run"):
        run(folder / "table", *out)
    with pytest.raises(InputError, match="no training rows of 'MAX'"):
        run("--tf", "MAX", *out)
    (tmp_path / "few.txt").write_text("ACGT\n" * 9)
    with pytest.raises(InputError, match="PBM: 9"):
        run("--unlabelled", f"PBM={tmp_path / 'few.txt'}", *out)
    assert run(folder / "before", "--against", folder / "before", *out).exit_code == 2
    assert not (tmp_path / "out").exists()
