import errno
import os
import shutil
from collections import Counter

import pytest
from preparing import bytes_of, recipe, rows, with_genome

from dann_tfbs.data import prepare as module
from dann_tfbs.data.prepare import prepare
from dann_tfbs.data.table import read_table
from dann_tfbs.errors import InputError, OutputError

pytestmark = pytest.mark.usefixtures("no_figure")


def test_peaks_need_their_genome(package, tmp_path):
    with pytest.raises(InputError, match=r"first\.bed: holds peaks.*--genome"):
        prepare(recipe(package, "CHS"), tmp_path / "out")
    made = recipe(package, "HTS", genome=package / "genome.fa", negatives={"gc": 1})
    with pytest.raises(InputError, match=r"negatives: .*'gc' need a genome and positives with"):
        prepare(made, tmp_path / "out")
    with pytest.raises(InputError, match=r"none\.fa: there is no such genome"):
        prepare(recipe(package, "CHS", genome=package / "none.fa"), tmp_path / "out")


@pytest.mark.parametrize(
    ("bed", "message"),
    [
        ("1\t100\t400\n", r"chromosome '1' is not in the genome.*calls it 'chr1'"),
        ("chr1\t100\t400\nchrM\t19000\t20001\n", r"first\.bed:2: the peak ends at 20001"),
        ("chr1\t0\t20\n", r"first\.bed: nothing is left.*window leaves the chromosome: 1"),
        ("#nothing\n", r"first\.bed: holds no rows"),
    ],
)
def test_peaks_that_do_not_fit_the_genome(package, tmp_path, bed, message):
    root = tmp_path / "copy"
    shutil.copytree(package, root)
    (root / "train/CHS/MYC/first.bed").write_text(bed)
    with pytest.raises(InputError, match=message):
        prepare(with_genome(root), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_window_longer_than_the_chromosomes(package, tmp_path):
    with pytest.raises(InputError, match=r"nothing is left.*window leaves the chromosome: 153"):
        prepare(with_genome(package, window=400_000), tmp_path / "out")


def test_blacklisted_regions_hold_neither_positives_nor_negatives(package, tmp_path):
    black = tmp_path / "black.bed"
    black.write_text("chr1\t0\t299000\n")
    made = with_genome(package, blacklist=black, negatives={"random": 1, "gc": 1, "aliens": 1})
    manifest, table = rows(made, tmp_path / "out")
    # chr1 has its 60 peaks from 4950 to 241251.
    assert manifest["assays"]["CHS"]["dropped"] == {"blacklisted": 60}
    assert Counter(r["label"] for r in table) == {1: 90, 0: 90}
    assert all(r["start"] >= 299_000 for r in table if r["chrom"] == "chr1")
    assert manifest["references"]["blacklist"]["name"] == "black.bed"
    black.write_text("1\t0\t299000\n")
    with pytest.raises(InputError, match="chromosome '1' is not in the genome"):
        prepare(made, tmp_path / "other")


def test_a_prepared_folder_is_replaced_and_nothing_else(package, tmp_path):
    out = tmp_path / "out"
    out.mkdir()  # an empty folder may be filled
    prepare(recipe(package, "PBM"), out)
    prepare(recipe(package, "HTS"), out)
    assert {r["assay"] for r in read_table(out).to_pylist()} == {"HTS"}
    (out / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"out: holds other files.*notes\.txt.*Choose another"):
        prepare(recipe(package, "PBM"), out)
    assert (out / "notes.txt").read_text() == "mine"
    with pytest.raises(InputError, match=r"holds other files.*genome\.fa"):
        prepare(recipe(package, "PBM"), package)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="file: is no folder"):
        prepare(recipe(package, "PBM"), tmp_path / "file")


def full_disk(*_args, **_kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def interrupt(*_args, **_kwargs):
    raise KeyboardInterrupt


@pytest.mark.parametrize("step", ["pyarrow.parquet.write_table", "pathlib.Path.write_text"])
@pytest.mark.parametrize(
    ("trouble", "error"), [(full_disk, OutputError), (interrupt, KeyboardInterrupt)]
)
def test_a_full_disk_or_an_interruption_leaves_the_previous_folder(
    package, tmp_path, monkeypatch, step, trouble, error
):
    out = tmp_path / "made/out"
    prepare(recipe(package, "PBM"), out)
    before = bytes_of(out)
    with monkeypatch.context() as patch:
        patch.setattr(step, trouble)
        with pytest.raises(error) as caught:
            prepare(recipe(package, "PBM", seed=1), out)
    if error is OutputError:
        assert caught.value.path == str(out)
        assert "No space left" in str(caught.value)
        assert "partial" not in str(caught.value)
    assert bytes_of(out) == before
    assert list(out.parent.iterdir()) == [out]


def test_an_unwritable_place_is_refused_before_the_work(package, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "discover", interrupt)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"out: cannot be written.*file.*Choose another"):
        prepare(recipe(package, "PBM"), tmp_path / "file/out")


def test_a_folder_without_permission_is_refused(package, powerless):
    with pytest.raises(OutputError, match=r"cannot be written.*powerless"):
        prepare(recipe(package, "PBM"), powerless / "a/b")
