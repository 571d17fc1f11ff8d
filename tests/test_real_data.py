"""What `prepare` makes of published measurements; needs $DANN_TFBS_DATA, else skipped."""

import gzip
import shutil
from collections import Counter

import pytest

from dann_tfbs.data import prepare as module
from dann_tfbs.data.collect import collect_positives
from dann_tfbs.data.prepare import prepare
from dann_tfbs.data.recipe import Recipe
from dann_tfbs.data.sources import discover
from dann_tfbs.data.table import read_table
from dann_tfbs.settings import validated


@pytest.fixture
def made(real_data, tmp_path, monkeypatch):
    """Return a function from a recipe to manifest and rows; without the figure."""
    monkeypatch.setattr(module, "draw_quality", lambda table, report, path: path.touch())

    def run(**values):
        values = {"ibis_root": real_data, **values}
        manifest = prepare(validated(Recipe, values, "recipe"), tmp_path / "out")
        return manifest, read_table(tmp_path / "out").to_pylist()

    return run


def test_bound_probes(real_data):
    sources = discover(real_data)
    counts = {}
    for tf, files in (("FOXA1", "*"), ("EGR2", "*DREAM5HK*"), ("EGR2", "*DREAM5ME*")):
        recipe = Recipe(tf=tf, assays=("PBM",), ibis_root=real_data, files=files)
        found = collect_positives(recipe, "PBM", sources, None)
        counts[tf, files] = len(found.positives) + found.dropped.get("repeated positive", 0)
    assert counts["FOXA1", "*"] == 578
    # 208 probes tie at the saturated signal: the 50th largest is among them, so all are bound.
    assert counts["EGR2", "*DREAM5HK*"] == 208


def test_every_probe_of_an_array(made):
    _, table = made(tf="FOXA1", assays=["PBM"], ratio="all", split={"by": "all"})
    found = Counter(r["source"] for r in table)
    assert found["positive"] == 578
    assert 41_000 < sum(found.values()) <= 41_655
    assert len({r["sequence"] for r in table}) == len(table)
    bound = [r["signal"] for r in table if r["label"] == 1]
    assert min(bound) > max(r["signal"] for r in table if r["label"] == 0)


def test_peaks_with_intervals_split_by_chromosome_and_shed_shared_aliens(made):
    manifest, table = made(
        tf="NFE2",
        assays=["CHS"],
        negatives={"aliens": 1},
        length=60,
        pool_files="*K562_Haib*",
    )
    numbers = Counter((int(r["chrom"][3:]) % 2, r["split"] == "test")
                      for r in table if r["chrom"][3:].isdigit())  # fmt: skip
    assert set(numbers) == {(1, False), (0, True)}
    assert manifest["assays"]["CHS"]["split"]["by"] == "chromosome"
    assert {len(r["sequence"]) for r in table} == {60}
    dropped = manifest["assays"]["CHS"]["negatives"]["parts"]["aliens"]["dropped"]
    assert dropped["overlapping"] + dropped["shared_kmer"] > 100
    labels = Counter(r["label"] for r in table)
    assert labels[0] == labels[1]


def test_late_reads_against_the_unselected_library(made):
    manifest, table = made(tf="USF1", assays=["HTS"], ratio=2, max_positives=5000)
    assert {r["cycle"] for r in table if r["label"] == 1} == {4}
    assert {r["cycle"] for r in table if r["label"] == 0} == {0}
    assert Counter(r["label"] for r in table) == {1: 5000, 0: 10_000}
    report = manifest["assays"]["HTS"]["negatives"]["parts"]["input"]
    assert report["gc_distance"] < 0.02
    assert manifest["quality"]["assays"]["HTS"]["auroc"]["gc"] < 0.52
    assert sum(sum(pair.values()) for pair in manifest["quality"]["leakage"].values()) == 0
    core = Counter(r["label"] for r in table if "CACGTG" in r["sequence"])
    assert core[1] / 5000 > 5 * core[0] / 10_000


def test_libraries_split_by_replicate(made):
    _, table = made(
        tf="SALL4",
        assays=["HTS"],
        ratio=1,
        max_positives=3000,
        negatives={"control": 1, "input": 1},
        split={"by": "group", "test_groups": ["R2"]},
    )
    assert {r["cycle"] for r in table if r["source"] in ("positive", "control")} == {6}
    for row in table:
        assert (row["group"] == "R2") == (row["split"] == "test")
    tested = Counter(r["source"] for r in table if r["split"] == "test")
    assert min(tested[kind] for kind in ("positive", "control", "input")) > 100


def test_yeast_peaks_in_their_genome(made, real_data, tmp_path):
    with gzip.open(real_data / "genomes/sacCer3.fa.gz") as packed:
        (tmp_path / "sacCer3.fa").write_bytes(packed.read())
    (tmp_path / "yeast").mkdir()
    shutil.copytree(real_data / "train_yeast", tmp_path / "yeast/train")
    manifest, table = made(
        tf="REB1", assays=["CHS"], ibis_root=tmp_path / "yeast", genome=tmp_path / "sacCer3.fa"
    )
    found = Counter(r["source"] for r in table)
    assert found["gc"] + found["shades"] == found["positive"] > 500
    # Roman numerals: chrIV is even and tests, chrV odd and trains.
    sides = {(r["chrom"], r["split"] == "test") for r in table}
    assert {("chrIV", True), ("chrV", False)} <= sides
    assert not {("chrIV", False), ("chrV", True)} & sides
    # REB1 binds TTACCCG.
    core = Counter(
        r["label"] for r in table
        if "TTACCCG" in r["sequence"] or "CGGGTAA" in r["sequence"]
    )  # fmt: skip
    assert core[1] > 4 * core[0]
    assert manifest["assays"]["CHS"]["negatives"]["parts"]["gc"]["gc_distance"] < 0.05
