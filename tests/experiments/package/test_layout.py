"""Where the files of a package are looked for, and what is said where they are not there."""

import json

import pytest

from dann_tfbs.errors import InputError
from dann_tfbs.experiments.package.layout import find_genome, find_package

HTS_FILE = "{tf}_R0_C3_lf5ACG_rf3ACG.fastq.gz"


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def wants(root, assay, *tfs, stage="Final"):
    path = root / "BENCHMARK_CONFIGS" / assay / stage / "benchmark.json"
    touch(path)
    path.write_text(json.dumps({"tags": [], "tfs": tfs}))


@pytest.fixture
def root(tmp_path):
    """Return a package with LEUTX and GABPA in CHS, LEUTX also in GHTS, and GCM1 in HTS."""
    train = tmp_path / "ibis" / "train"
    touch(
        train / "CHS" / "LEUTX" / "THC_0307.Rep-DIANA_0293.peaks",
        train / "CHS" / "GABPA" / "THC_1.peaks",
        train / "GHTS" / "LEUTX" / "YWK_AffSeq_C10_LEUTX-FL.C3.peaks",
        train / "HTS" / "GCM1" / HTS_FILE.format(tf="GCM1"),
    )
    for code in ("HTS", "PBM", "CHS"):
        touch(tmp_path / "ibis" / "test" / f"{code}_participants.fasta")
    return tmp_path / "ibis"


def test_a_track_trains_on_one_kind_of_assay_and_predicts_the_other(root):
    package = find_package(root, "G2A", "Final")
    assert {tf: list(own) for tf, own in package.files.items()} == {
        "GABPA": ["CHS"],
        "LEUTX": ["CHS", "GHTS"],
    }
    assert list(package.participants) == ["HTS", "PBM"]
    assert package.tasks() == [
        ("GABPA", "HTS"), ("LEUTX", "HTS"), ("GABPA", "PBM"), ("LEUTX", "PBM"),
    ]  # fmt: skip
    other = find_package(root, "A2G", "Final")
    assert other.tasks() == [("GCM1", "CHS")]


def test_a_benchmark_says_which_tfs_an_assay_wants(root):
    wants(root, "HTS", "LEUTX", "MYF6")
    package = find_package(root, "G2A", "Final")
    assert package.tasks() == [("LEUTX", "HTS"), ("GABPA", "PBM"), ("LEUTX", "PBM")]
    assert "Wanted in HTS, without training data: MYF6." in package.remarks()


def test_remarks_name_what_is_odd(root):
    remarks = " ".join(find_package(root, "G2A", "Final").remarks())
    assert "Not among the TFs of G2A Final: GABPA." in remarks
    assert "TFs of G2A Final without training data: USF3, " in remarks
    assert "No participants' sequences of SMS" in remarks


def test_named_tfs_alone_are_trained_and_must_be_there(root):
    package = find_package(root, "G2A", "Final")
    assert package.tasks(["LEUTX"]) == [("LEUTX", "HTS"), ("LEUTX", "PBM")]
    with pytest.raises(InputError, match=r"--tf.*no training data of GCM1.*GABPA, LEUTX"):
        package.tasks(["GCM1"])


def test_a_folder_called_after_the_stage_wins(tmp_path, root):
    for stage in ("Leaderboard", "Final"):
        (tmp_path / "both").mkdir(exist_ok=True)
        touch(tmp_path / "both" / stage / "train" / "CHS" / f"OF{stage.upper()}" / "a.peaks")
        touch(tmp_path / "both" / stage / "test" / "SMS_participants.fasta")
    package = find_package(tmp_path / "both", "G2A", "Leaderboard")
    assert package.data == tmp_path / "both" / "Leaderboard"
    assert package.tasks() == [("OFLEADERBOARD", "SMS")]


def test_files_that_could_be_either_are_named(root):
    touch(root / "old" / "HTS_participants.fasta")
    with pytest.raises(InputError, match=r"of HTS, as .*old/HTS_participants"):
        find_package(root, "G2A", "Final")
    (root / "old" / "HTS_participants.fasta").unlink()
    wants(root / "v1", "HTS", "LEUTX")
    wants(root / "v2", "HTS", "LEUTX")
    with pytest.raises(InputError, match=r"several benchmark\.json of HTS \(v1/.*, v2/"):
        find_package(root, "G2A", "Final")
    touch(root / "copy" / "train" / "CHS" / "LEUTX" / "a.peaks")
    with pytest.raises(InputError, match=r"several sets of training data \(copy, \.\)"):
        find_package(root, "G2A", "Final")


@pytest.mark.parametrize(
    ("removed", "message"),
    [
        (["train"], r"no train/<ASSAY>/<TF>/ here.*dann-tfbs download ibis"),
        (["train/CHS", "train/GHTS"], r"no training data of CHS, GHTS.*the other track\?"),
        (["test/HTS_participants.fasta", "test/PBM_participants.fasta"], r"of HTS, SMS, PBM"),
    ],
)
def test_what_is_missing_is_named(root, removed, message):
    for name in removed:
        (root / name).rename(root.parent / name.replace("/", "-"))
    with pytest.raises(InputError, match=message):
        find_package(root, "G2A", "Final")


def test_no_folder(tmp_path):
    with pytest.raises(InputError, match="is no folder"):
        find_package(tmp_path / "nowhere", "G2A", "Final")


def test_peaks_need_a_genome_and_reads_do_not(root):
    genomic = find_package(root, "G2A", "Final")
    with pytest.raises(InputError, match=r"--genome.*no genome\.fa.*hg38"):
        find_genome(root, genomic, None)
    with pytest.raises(InputError, match="no such file"):
        find_genome(root, genomic, root / "hg38.fa")
    touch(root / "genome.fa")
    assert find_genome(root, genomic, None) == root / "genome.fa"
    artificial = find_package(root, "A2G", "Final")
    assert find_genome(root, artificial, None) is None
    assert find_genome(root, artificial, root / "genome.fa") == root / "genome.fa"


def test_libraries_of_the_same_assays_belong_to_the_package(root):
    own = root / "input" / "HTS" / "library.fastq"
    earlier = root / "train" / "HTS" / "GCM1" / "GCM1_R0_C0_lf5ACG_rf3ACG.fastq.gz"
    touch(own, earlier)
    assert set(find_package(root, "A2G", "Final").libraries) == {own, earlier}
    assert find_package(root, "G2A", "Final").libraries == ()
