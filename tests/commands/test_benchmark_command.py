"""`dann-tfbs benchmark score` as it is run, on a package whose scores are worked out by hand."""

import csv
import gzip
import json
import math
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from tiny_benchmark import (
    BACKGROUNDS,
    HALF,
    MATRIX,
    OPPOSITE,
    PERFECT,
    table_text,
    write_package,
    write_team,
)

from dann_tfbs.cli import app
from dann_tfbs.commands.benchmark import benchmark

PAGE = Path(__file__).parents[2] / "docs" / "benchmark.md"

# Ranking + − + −: precision 1 up to recall 1/2, then t/(t + 1) for t from 1 to 2.
AUPRC_OF_PNPN = 0.5 + (1 - math.log(1.5)) / 2
# Ranking − + − +: t/(t + 1) for t from 0 to 1, then t/(t + 2) for t from 1 to 2.
AUPRC_OF_NPNP = ((1 - math.log(2)) + (1 - 2 * math.log(4 / 3))) / 2


def run(*arguments):
    return CliRunner().invoke(app, ["benchmark", "score", *(str(x) for x in arguments)])


def values_of(path):
    """Return {(team, assay, tf, background, metric): value} of what is ranked."""
    with open(path, newline="") as file:
        return {
            (r["team"], r["assay"], r["tf"], r["background"], r["metric"]): r["value"]
            for r in csv.DictReader(file)
            if r["ranked"] == "1"
        }


def test_every_value_of_five_assays_is_that_worked_out_by_hand(tmp_path):
    configs = write_package(tmp_path / "ibis")
    write_team(tmp_path / "perfect", PERFECT)
    write_team(tmp_path / "half", HALF)
    out = tmp_path / "scores.csv"
    done = run(configs, tmp_path / "perfect", tmp_path / "half", "--csv", out)
    assert done.exit_code == 0, done.output
    found = {key: float(value) for key, value in values_of(out).items()}

    expected = {}
    for tf, auroc, auprc in (("ALPHA", 3 / 4, AUPRC_OF_PNPN), ("BETA", 1 / 4, AUPRC_OF_NPNP)):
        # The best half, and the best quarter, hold the best positive and the best negative.
        best = (1.0, 1.0) if tf == "ALPHA" else (0.0, 1 - math.log(2))
        means = (auroc + 2 * best[0]) / 3, (auprc + 2 * best[1]) / 3
        for assay, backgrounds in BACKGROUNDS.items():
            for background in backgrounds:
                averaged = assay in ("HTS", "SMS")
                names = ("MAUROC", "MAUPRC") if averaged else ("AUROC", "AUPRC")
                for name, value in zip(names, means if averaged else (auroc, auprc), strict=True):
                    expected["perfect", assay, tf, background, name] = 1.0
                    expected["half", assay, tf, background, name] = value
    # Replicate 0: scores .9 and .3 fall with the cycle; replicate 1: .2 and .4 rise.
    expected["half", "HTS", "ALPHA", "positives", "kendalltau"] = 0.0
    # .9 and .1 fall, .2 and .4 rise.
    expected["half", "HTS", "BETA", "positives", "kendalltau"] = 0.0
    # ALPHA: .9 and .8 fall; BETA: .1 and .8 rise; the other replicate is constant.
    expected["perfect", "HTS", "ALPHA", "positives", "kendalltau"] = -0.5
    expected["perfect", "HTS", "BETA", "positives", "kendalltau"] = 0.5
    assert found == pytest.approx(expected, abs=1e-12)


def test_the_report_shows_values_ranks_and_the_rule(tmp_path):
    configs = write_package(tmp_path / "ibis", ["HTS"])
    (tmp_path / "mine.tsv.gz").write_bytes(gzip.compress(table_text("HTS", PERFECT).encode()))
    (tmp_path / "theirs.tsv").write_text(table_text("HTS", HALF))
    report = tmp_path / "scores.json"
    done = run(configs, tmp_path / "theirs.tsv", tmp_path / "mine.tsv.gz", "--json", report)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert any(
        re.match(
            r"\| HTS +\| ALPHA \| positives +\| kendalltau \| 4 +\| 0 +\| 0\.00000 +\| -0\.50000", x
        )
        for x in lines
    )
    assert "merged by geometric means" in done.output
    ranks = json.loads(report.read_text())["ranks"]
    # Of ALPHA mine has the ranks 1, 1, 2 and theirs 2, 2, 1; of BETA mine is first in all three.
    assert [each["team"] for each in ranks] == ["mine", "theirs"]
    assert ranks[0]["by_tf"] == pytest.approx({"ALPHA": 2 ** (1 / 3), "BETA": 1.0})
    assert ranks[1]["merged_rank"] == pytest.approx(math.sqrt(2 ** (2 / 3) * 2))


def test_matrices_are_scored_twice_and_the_best_is_marked_an_oracle(tmp_path):
    configs = write_package(tmp_path / "ibis")
    (tmp_path / "matrices.txt").write_text(f"{MATRIX}\n{OPPOSITE}\n>OMEGA none\n" + "1 0 0 0\n" * 5)
    out = tmp_path / "scores.csv"
    done = run(configs, f"pwm={tmp_path / 'matrices.txt'}", "--csv", out)
    assert done.exit_code == 0, done.output
    with open(out, newline="") as file:
        rows = list(csv.DictReader(file))
    chs = [
        r for r in rows if (r["assay"], r["background"], r["metric"]) == ("CHS", "shades", "AUROC")
    ]
    found = {
        (r["entry"], r["scoring"]): (float(r["value"]), r["oracle"]) for r in chs if r["value"]
    }
    # The bound hold ACGTT and the others runs of C, which the second matrix prefers.
    assert found == {
        ("good", "besthit"): (1.0, "1"),
        ("good", "sumocc"): (1.0, "0"),
        ("bad", "besthit"): (0.0, "0"),
        ("bad", "sumocc"): (0.0, "0"),
    }
    assert "an oracle" in done.output
    assert re.search(r"\| CHS +\| ALPHA \| pwm +\| good +\| besthit\* +\| shades ", done.output)
    assert "pwm: no benchmark knows the TF OMEGA of a matrix." in done.output
    # BETA has no matrix: absent, and last.
    assert re.search(r"\| CHS +\| BETA +\| shades +\| AUROC +\| – +\| – +\| – ", done.output)


def test_sequences_are_not_read_unless_matrices_need_them(tmp_path):
    configs = write_package(tmp_path / "ibis", ["CHS"])
    sequences = tmp_path / "ibis" / "BENCHMARK_DATA" / "CHS" / "sequences.fasta"
    sequences.unlink()
    team = write_team(tmp_path / "team", HALF, ["CHS"])
    assert run(configs, team).exit_code == 0
    (team / "matrices.txt").write_text(MATRIX)
    done = run(configs, team)
    assert done.exit_code == 2
    assert "sequences of CHS_ALPHA_shades, which matrices scan, are not here" in done.output


def test_what_a_team_lacks_counts_as_last_and_is_said(tmp_path):
    configs = write_package(tmp_path / "ibis", ["CHS", "PBM"])
    write_team(tmp_path / "whole", HALF, ["CHS", "PBM"])
    part = {"ALPHA": ["nodata", *PERFECT["ALPHA"][1:]], "BETA": [1.2, *PERFECT["BETA"][1:]]}
    write_team(tmp_path / "part", part, ["CHS"])
    out = tmp_path / "scores.csv"
    done = run(configs, tmp_path / "part", tmp_path / "whole", "--csv", out, "--quiet")
    assert done.exit_code == 0, done.output
    assert "part, CHS: column ALPHA holds nodata (line 2)." in done.output
    assert (
        "part, CHS: column BETA would be refused officially: values outside [0, 1]." in done.output
    )
    assert "part, CHS: no scores for ALPHA, which count as last." in done.output
    found = values_of(out)
    assert found["part", "CHS", "ALPHA", "shades", "AUROC"] == ""
    assert found["part", "PBM", "BETA", "QNZS_one", "AUROC"] == ""
    place = [line for line in done.output.splitlines() if re.match(r"\| [12] +\|", line)]
    assert [line.split("|")[2].strip() for line in place] == ["whole", "part"]


def test_unknown_scorers_and_benchmarks_without_entries_are_left_out(tmp_path):
    configs = write_package(tmp_path / "ibis", ["CHS", "PBM"])
    file = configs / "CHS" / "Final" / "benchmark.json"
    content = json.loads(file.read_text())
    content["scorers"].append({"name": "constant_scorer", "params": {"cons": 42}})
    file.write_text(json.dumps(content))
    done = run(configs, write_team(tmp_path / "team", HALF, ["CHS"]))
    assert done.exit_code == 0, done.output
    assert "CHS: the scorer 'constant_scorer' is not known here; it is left out." in done.output
    assert "PBM: no submission is about it; it is left out." in done.output


def test_scorers_choose_by_background_where_a_tf_has_several_sets_of_one(tmp_path):
    configs = write_package(tmp_path / "ibis", ["CHS"])
    file = configs / "CHS" / "Final" / "benchmark.json"
    content = json.loads(file.read_text())
    chosen = content["datasets"][0]
    content["datasets"].append({**chosen, "name": "again"})
    content["scorers"] = [{**content["scorers"][0], "backgrounds": [chosen["background"]]}]
    file.write_text(json.dumps(content))
    done = run(configs, write_team(tmp_path / "team", HALF, ["CHS"]))
    assert done.exit_code == 0, done.output
    shown = f"{chosen['background']} ({chosen['name']})"
    assert shown in done.output
    assert f"{chosen['background']} (again)" in done.output


def broken(assay, text_of):
    def write(folder):
        folder.mkdir()
        (folder / f"{assay}.tsv").write_text(text_of(table_text(assay, HALF)))
        return folder

    return write


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.replace("BETA", "GAMMA"), r"CHS\.tsv:1 \[GAMMA\]: .* knows no TF GAMMA"),
        (lambda t: t.rsplit("\n", 2)[0] + "\n", r"1 tags are missing \(caaaaaf\)"),
        (lambda t: t + "zzz\t0\t0\n", r"CHS\.tsv:8: .* 1 tags are not in the benchmark \(zzz on"),
        (lambda t: t.replace("caaaaab", "xaaaaab"), r"missing \(caaaaab\); 1 tags .*\(xaaaaab on "),
        (
            lambda t: t + "caaaaaa\t0\t0\n",
            r":8: the tag 'caaaaaa' of line 2 stands again on line 8",
        ),
        (lambda t: t.replace("0.5", "nan", 1), r"CHS\.tsv:3 \[ALPHA\]: the score 'nan'"),
        (lambda t: t.replace("BETA", "ALPHA"), r"CHS\.tsv:1: the header"),
        (lambda t: t.replace("\t0.5", "", 1), r"CHS\.tsv:3: has 2 fields instead of 3"),
        (lambda t: "", "is empty"),
        (lambda t: ">ALPHA one\n1 0 0\n", r"CHS\.tsv:2: the row '1 0 0'"),
    ],
)
def test_wrong_submissions_name_line_and_remedy(tmp_path, change, message):
    configs = write_package(tmp_path / "ibis", ["CHS"])
    done = run(configs, broken("CHS", change)(tmp_path / "team"))
    assert done.exit_code == 2, done.output
    assert re.search(message, done.output)


def test_wrong_arguments_are_explained(tmp_path):
    configs = write_package(tmp_path / "ibis", ["CHS", "PBM"])
    team = write_team(tmp_path / "team", HALF, ["CHS"])
    (tmp_path / "empty").mkdir()
    other = tmp_path / "other.tsv"
    other.write_text("tag\tALPHA\nzzzzzzz\t0.5\n")
    twice = write_team(tmp_path / "twice", HALF, ["CHS", "CHS"])
    for arguments, message in (
        ([configs, tmp_path / "none.tsv"], "there is no submission here"),
        ([configs, tmp_path / "empty"], "the folder holds no submission"),
        ([configs, team, f"team={team}"], "two submissions are called 'team'"),
        ([configs, other], r"could not be matched with one benchmark .*fit: none"),
        ([configs, twice], "has another table for CHS, table0.tsv"),
        ([tmp_path / "empty", team], "no benchmark.json below this folder"),
        ([configs, "--root", tmp_path / "empty", team], "answers of CHS_ALPHA_shades are not here"),
    ):
        done = run(*arguments)
        assert done.exit_code == 2, done.output
        assert re.search(message, done.output), done.output


def test_a_team_called_as_a_path_with_an_equals_sign_is_a_path(tmp_path):
    configs = write_package(tmp_path / "ibis", ["CHS"])
    write_team(tmp_path / "a=b", HALF, ["CHS"])
    assert "a=b" in run(configs, tmp_path / "a=b").output


def test_the_group_imports_nothing_heavy_before_a_subcommand_is_called():
    code = (
        "import sys; from click.testing import CliRunner; from dann_tfbs.cli import app\n"
        "print(CliRunner().invoke(app, ['benchmark', '--help']).output)\n"
        "print([m for m in sys.modules if m in ('torch', 'pyarrow', 'numpy')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "score" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
    assert benchmark.get_command(click.Context(benchmark), "nothing") is None


def test_the_lines_of_the_page_parse():
    blocks = re.findall(r"^```\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    lines = [x for block in blocks for x in block.splitlines() if " benchmark " in x]
    assert lines
    for line in lines:
        name, *rest = shlex.split(line, comments=True)[2:]
        command = benchmark.get_command(click.Context(benchmark), name)
        assert command is not None, line
        command.make_context(name, rest)
