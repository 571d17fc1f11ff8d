import json

import numpy as np
import pytest

from dann_tfbs.data.pbm_labels import sd_threshold
from dann_tfbs.data.prepare import prepare
from dann_tfbs.data.readers.pbm import read_pbm
from dann_tfbs.data.recipe import Recipe
from dann_tfbs.errors import InputError
from dann_tfbs.settings import validated
from dann_tfbs.simulation.package import simulate
from dann_tfbs.simulation.settings import SimulationSettings
from dann_tfbs.testsets.build import build
from dann_tfbs.testsets.settings import BuildSettings

TINY = SimulationSettings(peaks=80, reads=600, probes=600)
TFS = ["CEBPB", "FOXA1"]


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    out = tmp_path_factory.mktemp("raw") / "sim"
    simulate(out, TINY)
    return out


def settings(package, **more):
    values = {
        "ibis_root": package,
        "genome": package / "genome.fa",
        "test_chromosomes": ["chr5"],
        "max_positives": {"HTS": 80, "SMS": 40},
    } | more
    return validated(BuildSettings, values, "test")


@pytest.fixture(scope="module")
def built(package, tmp_path_factory):
    out = tmp_path_factory.mktemp("built") / "tests"
    return out, build(settings(package), out)


def answers(out, stem):
    return json.loads((out / "test" / "answers" / f"{stem}.json").read_text())


def contents(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_all_five_assays_are_built_with_their_backgrounds(built):
    out, manifest = built
    assert list(manifest["assays"]) == ["CHS", "GHTS", "HTS", "SMS", "PBM"]
    for assay, ratios in {
        "GHTS": {"shades": 1, "aliens": 2, "random": 2},
        "HTS": {"input": 2, "aliens": 2},
        "SMS": {"input": 5, "aliens": 5},
    }.items():
        for tf in TFS:
            report = manifest["assays"][assay]["tfs"][tf]
            n = report["positives"]["count"]
            for background, ratio in ratios.items():
                drawn = report["backgrounds"][background]
                assert drawn["asked"] == ratio * n
                if not drawn["count"]:
                    continue
                labels = answers(out, f"{assay}_{tf}_{background}")["labels"].values()
                assert sum(label == 0 for label in labels) == drawn["count"]
                assert sum(label > 0 for label in labels) == n
    for tf in TFS:
        cycles = list(answers(out, f"HTS_{tf}_positives")["labels"].values())
        assert [cycles.count(cycle) for cycle in (1, 2, 3, 4)] == [20] * 4


def test_the_manifest_says_what_was_read_written_and_missed(built, package):
    out, manifest = built
    assert json.loads((out / "manifest.json").read_text()) == manifest
    assert "train/SMS/CEBPB/SIM380-CEBPB-DBD.fastq.gz" in manifest["read"]
    assert "genome.fa" in manifest["read"]
    assert set(manifest["written"]) == {
        f"test/{assay}_participants.fasta" for assay in manifest["assays"]
    }
    assert not any(str(package) in json.dumps(value) for value in manifest.values())
    few = [text for text in manifest["warnings"] if "negatives were found" in text]
    short = {sentence.split(":")[0] for sentence in few}
    unlike = {text.split(":")[0] for text in manifest["warnings"]} - short
    for assay, report in manifest["assays"].items():
        if assay == "PBM":
            continue
        for tf, own in report["tfs"].items():
            for background, drawn in own["backgrounds"].items():
                missed = drawn["count"] < drawn["asked"]
                name = f"{assay} {tf} {background}"
                assert (name in short) == missed
                assert name not in unlike or drawn["gc_distance"] > 0.12


def test_every_spot_is_a_row_and_positives_are_those_of_the_rules(built, package):
    out, _ = built
    names = {
        line[1:].split(" ")[0]
        for line in (out / "test" / "PBM_participants.fasta").read_text().splitlines()[::2]
    }
    for tf in TFS:
        path = next((package / "train" / "PBM" / tf).glob("SD_*.tsv"))
        table = read_pbm(path)
        assert names == set(table.id_probe)  # flagged and control spots too
        bound = set(table.id_probe[table.signal >= sd_threshold(table.signal)])
        labels = answers(out, f"PBM_{tf}_SD")["labels"]
        assert {name for name, label in labels.items() if label} == bound


def test_equal_seeds_give_equal_bytes_and_another_seed_other_tests(package, built, tmp_path):
    out, _ = built
    again, other = tmp_path / "again", tmp_path / "other"
    build(settings(package), again)
    build(settings(package, seed=1, assays=["HTS"]), other)
    assert contents(again) == contents(out)
    name = "test/HTS_participants.fasta"
    assert contents(other)[name] != contents(out)[name]


def test_the_test_of_a_tf_does_not_depend_on_which_others_are_tested(package, built, tmp_path):
    out, _ = built
    build(settings(package, tfs=["CEBPB"], assays=["SMS"]), tmp_path / "one")
    assert not (tmp_path / "one" / "test" / "answers" / "SMS_FOXA1.json").exists()
    counts = [len(answers(place, "SMS_CEBPB")["labels"]) for place in (out, tmp_path / "one")]
    assert counts[0] == counts[1]


def test_the_replicate_with_most_peaks_is_shown(package, tmp_path):
    folder = tmp_path / "ibis" / "train" / "CHS"
    for tf, sizes in {"A": {"few": 3, "most": 9, "some": 5}, "B": {"one": 9}}.items():
        (folder / tf).mkdir(parents=True)
        for place, (name, n) in enumerate(sizes.items()):
            first = 20_000 + 1_200 * place + (20_000 if tf == "B" else 0)
            rows = [
                f"chr5\t{s}\t{s + 200}\t{s + 100}\n" for s in range(first, first + 4_000 * n, 4_000)
            ]
            rows.append("chr1\t900\t1000\t950\n")
            (folder / tf / f"{name}.peaks").write_text(
                "#CHROM\tSTART\tEND\tabs_summit\n" + "".join(rows)
            )
    out = tmp_path / "out"
    manifest = build(settings(package, ibis_root=tmp_path / "ibis", assays=["CHS"]), out)
    assert manifest["assays"]["CHS"]["tfs"]["A"]["positives"]["count"] == 9
    heads = (out / "test" / "CHS_participants.fasta").read_text()
    assert "chr=chr5;start=21150;end=21451" in heads  # summit 21300 of `most`
    assert "chr=chr1" not in heads


def test_even_chromosomes_test_by_default_and_a_package_without_them_says_so(package, tmp_path):
    with pytest.raises(InputError, match=r"chr2, chr4, chr6.*--test-chromosome"):
        build(settings(package, test_chromosomes=[], assays=["CHS"]), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"genome": None, "assays": ["CHS"]}, "need a genome"),
        ({"assays": ["SMS"], "tfs": ["NOPE"]}, "no SMS test data of NOPE"),
        ({"assays": ["PBM"], "files": {"PBM": "*_HK_*"}}, r"no PBM file.*'\*_HK_\*'"),
        (
            {"assays": ["HTS"], "max_positives": {"HTS": 1200}, "exact": True},
            "negatives were found",
        ),
        ({"test_chromosomes": ["chrQ"]}, "chrQ"),
    ],
)
def test_what_cannot_be_built_is_explained(package, tmp_path, more, message):
    with pytest.raises(InputError, match=message):
        build(settings(package, **more), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_settings_need_data():
    with pytest.raises(InputError, match="ibis_root or prepared"):
        validated(BuildSettings, {}, "test")
    with pytest.raises(InputError, match="blacklist needs a genome"):
        validated(BuildSettings, {"ibis_root": "a", "blacklist": "b"}, "test")


def test_only_an_earlier_build_is_replaced(package, tmp_path):
    out = tmp_path / "out"
    build(settings(package, assays=["SMS"]), out)
    with pytest.raises(InputError, match="exists already"):
        build(settings(package, assays=["SMS"]), out)
    build(settings(package, assays=["PBM"]), out, force=True)
    assert not (out / "test" / "SMS_participants.fasta").exists()
    (out / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match="no test sets of an earlier build"):
        build(settings(package, assays=["PBM"]), out, force=True)


def test_prepared_tables_test_with_their_test_rows(package, tmp_path):
    tables = {}
    for tf in TFS:
        recipe = {
            "tf": tf,
            "assays": ["HTS", "PBM", "CHS"],
            "ibis_root": package,
            "genome": package / "genome.fa",
            "cycles": "all",
            "ratio": 0.3,
            "split": {"by": "all"},
        }
        prepare(validated(Recipe, recipe, "test"), tmp_path / tf)
        tables[tf] = tmp_path / tf
    values = {
        "prepared": list(tables.values()),
        "genome": package / "genome.fa",
        "test_chromosomes": ["chr5"],
        "max_positives": {"HTS": 40},
    }
    out = tmp_path / "out"
    manifest = build(validated(BuildSettings, values, "test"), out)
    assert list(manifest["assays"]) == ["CHS", "HTS", "PBM"]
    for tf in TFS:
        cycles = list(answers(out, f"HTS_{tf}_positives")["labels"].values())
        assert [cycles.count(cycle) for cycle in (1, 2, 3, 4)] == [10] * 4
        assert manifest["assays"]["HTS"]["tfs"][tf]["backgrounds"]["input"]["count"] > 0
        shown = manifest["assays"]["CHS"]["tfs"][tf]
        assert shown["backgrounds"]["random"]["count"] == 2 * shown["positives"]["count"]
        probes = answers(out, f"PBM_{tf}_probes")["labels"]
        assert np.mean(list(probes.values())) > 0


def test_a_table_without_test_rows_is_refused(package, tmp_path):
    recipe = {"tf": "FOXA1", "assays": ["SMS"], "ibis_root": package, "ratio": 1}
    prepare(
        validated(Recipe, recipe | {"split": {"by": "all", "name": "train"}}, "t"), tmp_path / "a"
    )
    with pytest.raises(InputError, match="no labelled row is of the split 'test'"):
        build(validated(BuildSettings, {"prepared": [tmp_path / "a"]}, "t"), tmp_path / "out")


def test_a_tf_in_two_sources_is_refused(package, tmp_path):
    recipe = {"tf": "FOXA1", "assays": ["SMS"], "ibis_root": package, "split": {"by": "all"}}
    prepare(validated(Recipe, recipe | {"ratio": 1}, "t"), tmp_path / "a")
    values = {"prepared": [tmp_path / "a"], "assays": ["SMS"]}
    with pytest.raises(InputError, match="SMS data of FOXA1 stand in the raw folder"):
        build(settings(package, **values), tmp_path / "out")
    twice = validated(BuildSettings, {"prepared": [tmp_path / "a", tmp_path / "a"]}, "t")
    with pytest.raises(InputError, match="holds SMS rows of FOXA1, as does"):
        build(twice, tmp_path / "out")
