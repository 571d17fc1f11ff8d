import hashlib
import shutil
import zipfile

import pytest
from click.testing import CliRunner
from filelock import FileLock
from zenodo import Zenodo, zipped

from dann_tfbs.cli import app
from dann_tfbs.download import fetch as fetching
from dann_tfbs.download.archives import destination, unpack
from dann_tfbs.download.fetch import UnreachableError, fetch
from dann_tfbs.download.ibis import download, listed, unpack_by_hand, wanted
from dann_tfbs.errors import InputError

TRAIN, TEST = "IBIS.train_data.Final.v1.zip", "IBIS.test_data.Final.v1.zip"
PIECE = 1 << 14  # what is read at once
OTHER = "IBIS.train_data.Leaderboard.v2.zip"
FILES = {
    TRAIN: zipped(
        {
            "pack/CHS/USF3/a.peaks": b"#CHROM\n",
            "pack/HTS/GCM1/GCM1_R0_C1_lf5_rf3.fastq.gz": b"reads",
            "pack/README.txt": b"read me",
        }
    ),
    TEST: zipped(
        {"HTS_participants.fasta": b">tag\nACGT\n", "CHS_participants.fasta": b">other\nA\n"}
    ),
    OTHER: zipped({"train/PBM/GABPA/SD_1.tsv": b"#id_spot\n"}),
}


@pytest.fixture
def zenodo(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Zenodo(dict(FILES))
    yield server
    server.close()


def files_of(folder):
    found = (path for path in folder.rglob("*") if path.is_file())
    inside = {str(path.relative_to(folder)) for path in found if "archives" not in path.parts}
    return inside - {".download.lock"}


def get(zenodo, name, folder):
    content = zenodo.files[name]
    md5 = hashlib.md5(content + (b"!" if name in zenodo.wrong else b"")).hexdigest()
    fetch(f"{zenodo.url}/get/{name}", folder / name, md5, len(content), progress=False)
    return (folder / name).read_bytes()


def test_the_final_stage_is_unpacked_into_the_layout_of_ibis(zenodo, tmp_path):
    lines = []
    chosen = download(
        tmp_path, stage="Final", base_url=zenodo.url, progress=False, say=lines.append
    )
    assert [archive.name for archive in chosen] == [TRAIN, TEST]
    assert files_of(tmp_path) == {
        "Final/train/CHS/USF3/a.peaks",
        "Final/train/HTS/GCM1/GCM1_R0_C1_lf5_rf3.fastq.gz",
        "Final/other/IBIS.train_data.Final.v1/pack/README.txt",
        "Final/test/HTS_participants.fasta",
        "Final/test/CHS_participants.fasta",
    }
    assert lines == [f"{TRAIN}: 3 files unpacked", f"{TEST}: 2 files unpacked"]


def test_a_track_leaves_out_the_assays_that_it_does_not_use(zenodo, tmp_path):
    download(tmp_path, stage="Final", track="G2A", base_url=zenodo.url, progress=False)
    assert (tmp_path / "Final/train/CHS/USF3/a.peaks").is_file()
    assert not (tmp_path / "Final/train/HTS").exists()
    assert (tmp_path / "Final/test/HTS_participants.fasta").is_file()
    assert not (tmp_path / "Final/test/CHS_participants.fasta").exists()


def test_what_is_done_is_not_done_again_but_more_of_it_is(zenodo, tmp_path):
    download(tmp_path, stage="Final", track="G2A", base_url=zenodo.url, progress=False)
    assert len(zenodo.downloads()) == 2
    lines = []
    download(
        tmp_path,
        stage="Final",
        track="G2A",
        base_url=zenodo.url,
        progress=False,
        say=lines.append,
    )
    assert lines == [f"{TRAIN}: there already", f"{TEST}: there already"]
    # The other track needs other members of the same archives, which are here.
    download(tmp_path, stage="Final", track="A2G", base_url=zenodo.url, progress=False)
    assert len(zenodo.downloads()) == 2
    assert (tmp_path / "Final/train/HTS").is_dir()


def test_a_connection_cut_in_mid_file_is_taken_up_where_it_broke(zenodo, tmp_path):
    zenodo.files["big"] = bytes(range(256)) * 1000
    zenodo.cut_after = [6 * PIECE, 3 * PIECE]
    assert get(zenodo, "big", tmp_path) == zenodo.files["big"]
    assert [span for _, span in zenodo.downloads()] == [None, "bytes=98304-", "bytes=147456-"]
    assert [path.name for path in tmp_path.iterdir()] == ["big"]


def test_a_later_call_goes_on_with_what_an_interrupted_one_left(zenodo, tmp_path):
    zenodo.files["big"] = bytes(range(256)) * 1000
    (tmp_path / "big.partial").write_bytes(zenodo.files["big"][:200_000])
    assert get(zenodo, "big", tmp_path) == zenodo.files["big"]
    assert [span for _, span in zenodo.downloads()] == ["bytes=200000-"]


def test_a_server_without_ranges_is_asked_for_the_whole(zenodo, tmp_path):
    zenodo.files["big"] = bytes(range(256)) * 1000
    zenodo.with_ranges = False
    (tmp_path / "big.partial").write_bytes(b"x" * 1000)
    assert get(zenodo, "big", tmp_path) == zenodo.files["big"]


def test_a_connection_that_never_gets_further_is_given_up_and_what_came_is_kept(zenodo, tmp_path):
    zenodo.files["big"] = bytes(range(256)) * 1000
    zenodo.cut_after = [PIECE] + [0] * 20
    with pytest.raises(UnreachableError, match=r"16,384 of 256,000 bytes.*goes on from there"):
        get(zenodo, "big", tmp_path)
    assert (tmp_path / "big.partial").stat().st_size == PIECE
    assert len(zenodo.downloads()) == 6


def test_a_wrong_checksum_is_an_error_and_leaves_nothing(zenodo, tmp_path):
    zenodo.wrong = {TRAIN}
    with pytest.raises(InputError, match="another checksum"):
        get(zenodo, TRAIN, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_named(zenodo, tmp_path):
    zenodo.gone = {TRAIN}
    with pytest.raises(InputError, match=rf"{TRAIN}: the server answers 404"):
        download(tmp_path, base_url=zenodo.url, progress=False)


def test_without_network_the_message_says_what_to_do_by_hand(zenodo, tmp_path):
    zenodo.close()
    result = CliRunner().invoke(
        app, ["download", "ibis", "--out", str(tmp_path), "--base-url", zenodo.url]
    )
    zenodo.server.socket.close()
    assert result.exit_code == 2
    for part in (TRAIN, OTHER, "https://doi.org/10.5281/zenodo.14174161", "--unpack-only"):
        assert part in result.output
    zenodo.close = lambda: None


def test_archives_that_were_put_there_by_hand_are_unpacked(tmp_path):
    (tmp_path / "archives").mkdir()
    with pytest.raises(InputError, match=r"holds no \.zip archive"):
        unpack_by_hand(tmp_path)
    (tmp_path / "archives" / OTHER).write_bytes(FILES[OTHER])
    result = CliRunner().invoke(app, ["download", "ibis", "--unpack-only", "--out", str(tmp_path)])
    assert result.output == f"{OTHER}: 1 files unpacked\n"
    assert (tmp_path / "Leaderboard/train/PBM/GABPA/SD_1.tsv").read_bytes() == b"#id_spot\n"


def test_the_list_names_sizes_and_downloads_nothing(zenodo, tmp_path, monkeypatch):
    monkeypatch.setenv("DANN_TFBS_ZENODO", zenodo.url)
    result = CliRunner().invoke(app, ["download", "ibis", "--list", "--stage", "Leaderboard"])
    assert result.exit_code == 0
    assert result.output.split()[1:] == ["MiB", OTHER, "doi:10.5281/zenodo.14174161"]
    assert zenodo.downloads() == []


def test_the_newer_form_of_a_record_is_read_too(zenodo, monkeypatch):
    newer = b'{"id": 7, "files": [{"filename": "a.zip", "filesize": 3, "checksum": "ab"}]}'
    monkeypatch.setattr(zenodo, "record", lambda number: newer)
    first, _ = listed(zenodo.url)
    assert (first.name, first.size, first.md5) == ("a.zip", 3, "ab")
    assert first.url == f"{zenodo.url}/records/7/files/a.zip?download=1"


@pytest.mark.parametrize("answer", [b"<html>", b'{"files": [{"key": "../a", "size": 1}]}', b"[]"])
def test_what_is_no_record_is_refused(zenodo, monkeypatch, answer):
    monkeypatch.setattr(zenodo, "record", lambda number: answer)
    with pytest.raises(InputError, match="no record of Zenodo"):
        listed(zenodo.url)


def test_archives_whose_names_state_no_stage_hold_all(zenodo):
    every = listed(zenodo.url)
    named = [archive.name for archive in wanted(every, "Leaderboard", "A2G")]
    assert named == [OTHER]
    assert len(wanted(every, None, None)) == 3


def test_two_downloads_at_once_are_refused(zenodo, tmp_path):
    with (
        FileLock(tmp_path / ".download.lock"),
        pytest.raises(InputError, match="another download into this folder is running"),
    ):
        download(tmp_path, base_url=zenodo.url, progress=False)


def test_a_full_disk_is_noticed_before_the_download(zenodo, tmp_path, monkeypatch):
    few = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda folder: few)
    with pytest.raises(InputError, match="GiB are needed"):
        download(tmp_path, base_url=zenodo.url, progress=False)
    assert zenodo.downloads() == []


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/evil", "a\\..\\evil", "c:evil"])
def test_a_member_that_would_land_elsewhere_stops_everything(tmp_path, name):
    archive = tmp_path / TRAIN
    archive.write_bytes(zipped({"CHS/A/good.peaks": b"x", name: b"evil"}))
    with pytest.raises(InputError, match="nothing was unpacked"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "evil").exists()


def test_links_and_two_members_in_one_place_are_refused(tmp_path):
    link = zipfile.ZipInfo("CHS/A/link")
    link.external_attr = 0o120777 << 16
    with pytest.raises(InputError, match="is a link"):
        destination(TRAIN, link)
    archive = tmp_path / TRAIN
    archive.write_bytes(zipped({"a/CHS/x.peaks": b"1", "b/CHS/x.peaks": b"2"}))
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="lands on a/CHS"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("top", ["", "pack/"])
def test_folders_that_benchmarks_refer_to_stay_beside_their_definitions(tmp_path, top):
    archive = tmp_path / TEST
    names = ("BENCHMARK_CONFIGS/HTS/Final/benchmark.json", "BENCHMARK_DATA/HTS/HTS_A_input.json",
             "CHS/a.json", "test/PBM_participants.fasta", "x/SMS_participants.fasta")  # fmt: skip
    archive.write_bytes(zipped({f"{top}{name}": b"{}" for name in names}))
    unpack(archive, tmp_path)
    assert files_of(tmp_path / "Final") == {
        "BENCHMARK_CONFIGS/HTS/Final/benchmark.json",
        "BENCHMARK_DATA/HTS/HTS_A_input.json",
        "test/CHS/a.json",
        "test/PBM_participants.fasta",
        "x/SMS_participants.fasta",
    }


def test_a_damaged_archive_is_named(tmp_path):
    archive = tmp_path / TRAIN
    whole = bytearray(zipped({"CHS/A/good.peaks": b"ACGT" * 1000}))
    whole[200] ^= 255
    archive.write_bytes(whole)
    with pytest.raises(InputError, match="no whole zip archive"):
        unpack(archive, tmp_path)
    assert not (tmp_path / "Final/train/CHS/A/good.peaks").exists()
    archive.write_bytes(b"no zip")
    with pytest.raises(InputError, match="no whole zip archive"):
        unpack(archive, tmp_path)


@pytest.mark.parametrize(
    ("archive", "member", "place"),
    [
        (TEST, "x/PBM_participants.fasta", "Final/test/PBM_participants.fasta"),
        (TEST, "x/BENCHMARK_CONFIGS/CHS/Final/b.json", "Final/BENCHMARK_CONFIGS/CHS/Final/b.json"),
        (OTHER, "GHTS/LEF1/a.C2.peaks", "Leaderboard/train/GHTS/LEF1/a.C2.peaks"),
        (TRAIN, "__MACOSX/CHS/a", "None"),
        ("more.zip", "notes.txt", "other/other/more/notes.txt"),
    ],
)
def test_where_members_go(archive, member, place):
    assert str(destination(archive, zipfile.ZipInfo(member))) == place
