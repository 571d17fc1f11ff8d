from click.testing import CliRunner

from dann_tfbs.cli import app
from dann_tfbs.simulation.package import simulate
from dann_tfbs.simulation.settings import SimulationSettings


def run(*arguments):
    return CliRunner().invoke(app, ["benchmark", "build", *map(str, arguments)])


def test_the_command_builds_and_prints_counts_and_warnings(tmp_path):
    simulate(tmp_path / "sim", SimulationSettings(peaks=60, reads=200, probes=600))
    options = ["--ibis-root", tmp_path / "sim", "--assay", "SMS", "--out", tmp_path / "out"]
    result = run(*options, "--max-positives", "SMS=30")
    assert result.exit_code == 0, result.output
    assert "  FOXA1: 30 positives; input 150 (GC distance" in result.output
    assert (tmp_path / "out" / "test" / "SMS_participants.fasta").is_file()
    result = run(*options, "--force", "--max-positives", "SMS=100")
    assert "Warning: SMS CEBPB input:" in result.output


def test_entries_by_assay_need_an_assay(tmp_path):
    result = run("--out", tmp_path, "--files", "*.tsv")
    assert result.exit_code == 2
    assert "'*.tsv' is not ASSAY=value" in result.output
    result = run("--out", tmp_path / "out", "--ibis-root", tmp_path, "--files", "XYZ=*")
    assert result.exit_code == 2
    assert "files" in result.output
