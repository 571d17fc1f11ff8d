import gzip
import json

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.metrics import roc_auc_score

from dann_tfbs import sequence
from dann_tfbs.data.genome import Genome
from dann_tfbs.data.load import load_source
from dann_tfbs.data.sources import discover
from dann_tfbs.errors import InputError
from dann_tfbs.simulation.binding import BindingModel
from dann_tfbs.simulation.package import simulate
from dann_tfbs.simulation.settings import SCALES, SimulationSettings

TINY = SimulationSettings(peaks=60, reads=400, probes=600)
TFS = ("FOXA1", "CEBPB")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    out = tmp_path_factory.mktemp("package") / "sim"
    simulate(out, TINY)
    return out


def contents(folder):
    # Reading a genome leaves an index beside it.
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".fai"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def fasta(path):
    lines = path.read_text().splitlines()
    return dict(zip(lines[::2], lines[1::2], strict=True))


def test_equal_seeds_give_equal_bytes_and_another_seed_changes_every_file(package, tmp_path):
    again, other = tmp_path / "again", tmp_path / "other"
    simulate(again, TINY)
    simulate(other, TINY.model_copy(update={"seed": 1}))
    expected = contents(package)
    assert contents(again) == expected
    changed = contents(other)
    assert changed.keys() == expected.keys()
    # A microarray's definition holds names of probes and files, which no seed changes.
    same = [name for name in expected if changed[name] == expected[name]]
    assert same == ["BENCHMARK_CONFIGS/PBM/Final/benchmark.json"]
    assert not list(tmp_path.glob(".*"))


def test_a_tf_has_the_same_reads_and_arrays_whatever_else_is_simulated(package, tmp_path):
    simulate(tmp_path / "one", TINY.model_copy(update={"tfs": ("CEBPB",)}))
    expected, alone = contents(package), contents(tmp_path / "one")
    same = [name for name in alone if name.startswith(("train/HTS", "train/SMS", "input"))]
    assert len(same) == 4 + 1 + 2
    assert all(alone[name] == expected[name] for name in same)
    assert not any("aliens" in name or "FOXA1" in name for name in alone)


def test_the_projects_own_readers_understand_every_training_file(package):
    genome = Genome(package / "genome.fa")
    found = discover(package)
    counts = {}
    for source in found:
        loaded = load_source(source, genome)
        counts.setdefault((source.assay, source.role), []).append(len(loaded.records))
    assert counts == {
        ("CHS", "positive"): [60, 60],
        ("GHTS", "positive"): [60, 60],
        ("HTS", "positive"): [400] * 8,
        ("HTS", "input"): [400] * 2,
        ("SMS", "positive"): [400] * 2,
        ("SMS", "input"): [400],
        ("PBM", "positive"): counts["PBM", "positive"],
    }
    # Control spots and about one spot in a hundred are not for training.
    assert all(570 <= n < 600 for n in counts["PBM", "positive"])
    cycles = sorted(s.cycle for s in found if s.assay == "HTS" and s.tf == "CEBPB")
    assert cycles == [0, 1, 2, 3, 4]


def test_peaks_are_loose_ibis_files_on_odd_chromosomes(package):
    for path in package.glob("train/*HS/*/*.peaks"):
        lines = path.read_text().splitlines()
        headers = [row for row, line in enumerate(lines) if line.startswith("#")]
        assert headers == [0, 31]
        rows = [line.split("\t") for line in lines if not line.startswith("#")]
        assert {row[0] for row in rows} <= {"chr1", "chr3", "chr5"}
        for _, start, end, summit, *_ in rows:
            assert int(start) <= int(summit) < int(end)


@pytest.mark.parametrize("assay", ["CHS", "GHTS"])
def test_genomic_test_windows_are_cut_from_even_chromosomes(package, assay):
    genome = Genome(package / "genome.fa")
    records = fasta(package / "test" / f"{assay}_participants.fasta")
    for head, text in records.items():
        place = dict(item.split("=") for item in head.split(" ")[1].split(";"))
        start, end = int(place["start"]), int(place["end"])
        assert place["chr"] in {"chr2", "chr4", "chr6"}
        assert end - start == len(text) == 301
        codes = genome.codes(place["chr"])[start:end]
        assert text == sequence.decode(sequence.from_codes(codes[None]))[0]


def answers(package, stem):
    return json.loads((package / "test" / "answers" / f"{stem}.json").read_text())


def test_answers_name_tags_of_the_fasta_and_keep_the_ratios(package):
    backgrounds = {
        "CHS": {"aliens": 2, "random": 2},
        "GHTS": {"aliens": 2, "random": 2},
        "HTS": {"aliens": 2, "input": 2},
        "SMS": {"aliens": 5, "input": 5},
        "PBM": {"SD": 10},
    }
    for assay, ratios in backgrounds.items():
        tags = {
            head[1:].split(" ")[0]
            for head in fasta(package / "test" / f"{assay}_participants.fasta")
        }
        for tf in TFS:
            merged = answers(package, f"{assay}_{tf}")
            assert merged["labels"].keys() == merged["groups"].keys() <= tags
            for background, ratio in ratios.items():
                labels = answers(package, f"{assay}_{tf}_{background}")["labels"]
                assert labels.items() <= merged["labels"].items()
                bound = sum(label > 0 for label in labels.values())
                assert bound > 0
                expected = min(ratio * bound, 600 - bound) if assay == "PBM" else ratio * bound
                assert len(labels) - bound == pytest.approx(expected, abs=expected * 0.2)


@pytest.mark.parametrize("assay", ["CHS", "GHTS", "HTS", "SMS", "PBM"])
def test_the_benchmark_definition_leads_to_the_files(package, assay):
    config = json.loads(
        (package / "BENCHMARK_CONFIGS" / assay / "Final" / "benchmark.json").read_text()
    )
    records = fasta(package / "test" / f"{assay}_participants.fasta")
    assert sorted(config["tags"]) == sorted(head[1:].split(" ")[0] for head in records)
    assert config["tfs"] == list(TFS)
    for dataset in config["datasets"]:
        for key in ("fasta_path", "answer_path"):
            assert dataset[key].startswith("__ROOTDIR__/")
            assert (package / dataset[key].removeprefix("__ROOTDIR__/")).is_file()


def test_hts_answers_carry_cycles_and_replicates(package):
    shown = answers(package, "HTS_CEBPB_positives")
    assert set(shown["labels"].values()) == {1, 2, 3, 4}
    assert set(shown["groups"].values()) == {"R1", "R2"}
    mixed = answers(package, "HTS_CEBPB_input")
    assert all(
        (mixed["groups"][tag] is None) == (label == 0) for tag, label in mixed["labels"].items()
    )


@pytest.mark.parametrize("assay", ["HTS", "SMS", "PBM"])
def test_the_true_matrix_finds_the_bound_and_composition_does_not(package, assay):
    truth = json.loads((package / "truth.json").read_text())
    model = BindingModel("CEBPB", np.array(truth["matrices"]["CEBPB"]))
    texts = {
        head[1:].split(" ")[0]: text
        for head, text in fasta(package / "test" / f"{assay}_participants.fasta").items()
    }
    background = "SD" if assay == "PBM" else "input"
    labels = answers(package, f"{assay}_CEBPB_{background}")["labels"]
    bound = [label > 0 for label in labels.values()]
    batch = sequence.encode([texts[tag] for tag in labels])
    by_matrix = roc_auc_score(bound, model.occupancy(batch.codes))
    by_gc = roc_auc_score(bound, sequence.gc_content(batch))
    # Six hundred probes hold few sites, and too few negatives to match GC.
    assert by_matrix > (0.6 if assay == "PBM" else 0.8)
    assert abs(by_gc - 0.5) < (0.25 if assay == "PBM" else 0.1)


def test_linker_stands_before_each_test_probe(package):
    records = fasta(package / "test" / "PBM_participants.fasta")
    assert len(records) == 600
    for head, text in records.items():
        assert head.startswith(">HK0")
        linker = head.rpartition("linker=")[2]
        assert text.startswith(linker)
        assert len(text) == 60


def test_gzip_files_carry_no_time(package):
    path = next(package.glob("train/SMS/*/*.gz"))
    assert path.read_bytes()[4:8] == b"\0\0\0\0"
    assert gzip.decompress(path.read_bytes()).count(b"\n") == 4 * 400


def test_truth_says_that_it_is_simulated(package):
    truth = json.loads((package / "truth.json").read_text())
    assert truth["simulated"] is True
    assert truth["settings"]["seed"] == 0
    assert truth["tfs"]["CEBPB"]["co_factor"] in truth["matrices"]
    assert "Nothing here was measured" in (package / "README.md").read_text()


def test_an_existing_folder_is_kept(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"exists already.*--force"):
        simulate(tmp_path / "own", TINY)
    with pytest.raises(InputError, match="no simulated package"):
        simulate(tmp_path / "own", TINY, force=True)
    assert (tmp_path / "own" / "thesis.txt").read_text() == "mine"


def test_force_replaces_an_earlier_package(package, tmp_path):
    old = tmp_path / "sim"
    old.mkdir()
    (old / "truth.json").write_text("{}")
    (old / "left_over").write_text("")
    simulate(old, TINY, force=True)
    assert contents(old) == contents(package)


def test_own_matrices(tmp_path):
    meme = tmp_path / "own.meme"
    rows = "\n".join("0.97 0.01 0.01 0.01\n0.01 0.97 0.01 0.01" for _ in range(4))
    head = "MEME version 4\n\nALPHABET= ACGT\n\n"
    meme.write_text(
        f"{head}MOTIF MYTF.1 first\nletter-probability matrix: alength= 4 w= 8\n{rows}\n"
    )
    simulate(tmp_path / "sim", TINY.model_copy(update={"meme": meme}))
    truth = json.loads((tmp_path / "sim" / "truth.json").read_text())
    assert list(truth["tfs"]) == ["MYTF"]
    assert truth["matrices"]["MYTF"][0] == [0.97, 0.01, 0.01, 0.01]
    assert (tmp_path / "sim" / "train" / "HTS" / "MYTF").is_dir()


def test_unknown_tf_lists_the_known(tmp_path):
    with pytest.raises(InputError, match=r"no matrix of 'GATA9'.*FOXA1, CEBPB"):
        simulate(tmp_path / "sim", TINY.model_copy(update={"tfs": ("GATA9",)}))
    assert not (tmp_path / "sim").exists()


def test_a_tf_named_twice_is_an_error(tmp_path):
    with pytest.raises(InputError, match="named twice"):
        simulate(tmp_path / "sim", TINY.model_copy(update={"tfs": ("FOXA1", "FOXA1")}))


def test_unknown_settings_are_refused():
    with pytest.raises(ValidationError, match="peeks"):
        SimulationSettings(peeks=3)


def test_scales_grow():
    sizes = [SimulationSettings.for_scale(scale, seed=4) for scale in SCALES]
    assert [one.peaks for one in sizes] == [1_500, 5_000, 15_000]
    assert {one.seed for one in sizes} == {4}
