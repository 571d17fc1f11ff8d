import gzip
import os
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dann_tfbs.data import genome as genome_module
from dann_tfbs.data import genome_index
from dann_tfbs.data.genome import Genome
from dann_tfbs.data.intervals import make_intervals
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import LETTERS, decode

CHR1 = "ACGTACGTNNACGGTTAACCGATTACA"
CHR2 = "NNTTTTGGGGCCCCAAAANNN"


def write_fasta(path, records, line=10):
    with open(path, "w") as handle:
        for name, text in records.items():
            handle.write(f">{name} a description\n")
            for start in range(0, len(text), line):
                handle.write(text[start : start + line] + "\n")
    return path


@pytest.fixture
def path(tmp_path):
    return write_fasta(tmp_path / "genome.fa", {"chr1": CHR1, "chr2": CHR2})


def test_windows_come_back_in_the_order_asked(path):
    asked = make_intervals(["chr2", "chr1", "chr2", "chr1"], [2, 0, 17, 8], [6, 27, 21, 12])
    assert decode(Genome(path).fetch(asked)) == ["TTTT", CHR1, "ANNN", "NNAC"]


def test_equal_widths_read_across_lines(path):
    asked = make_intervals(["chr1"] * 3, [5, 10, 22], [10, 15, 27])
    assert decode(Genome(path).fetch(asked)) == [CHR1[5:10], CHR1[10:15], CHR1[22:27]]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text("ACGTN", min_size=1, max_size=200), line=st.integers(1, 70), data=st.data())
def test_any_layout_reads_as_its_text(tmp_path, text, line, data, monkeypatch):
    monkeypatch.setattr(genome_module, "_PIECE", 7)  # so that pieces meet in many places
    path = tmp_path / "any.fa"
    write_fasta(path, {"first": "ACGT", "c": text, "last": "GG"}, line)
    path.with_name("any.fa.fai").unlink(missing_ok=True)
    genome = Genome(path)
    assert "".join(LETTERS[code] for code in genome.codes("c")) == text
    starts, ends = genome.gaps("c")
    in_gap = {i for s, e in zip(starts, ends, strict=True) for i in range(s, e)}
    assert in_gap == {i for i, letter in enumerate(text) if letter == "N"}
    assert (starts[1:] > ends[:-1]).all()
    begin = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(begin + 1, len(text)))
    assert decode(genome.fetch(make_intervals(["c"], [begin], [end]))) == [text[begin:end]]


def test_lengths_keep_the_order_of_the_file(tmp_path):
    path = write_fasta(tmp_path / "g.fa", {"chr10": "ACG", "chr2": "ACGTA", "chrX": "A"})
    assert list(Genome(path).lengths.items()) == [("chr10", 3), ("chr2", 5), ("chrX", 1)]


def test_lower_case_and_iupac_letters(tmp_path):
    path = write_fasta(tmp_path / "g.fa", {"c": "acgtRYn"})
    assert Genome(path).codes("c").tolist() == [0, 1, 2, 3, 4, 4, 4]


def test_a_naming_mismatch_is_explained(path):
    with pytest.raises(InputError) as error:
        Genome(path).fetch(make_intervals(["1"], [0], [5]))
    assert "chromosome '1' is not in the genome, which has chr1, chr2" in str(error.value)
    assert "calls it 'chr1'" in str(error.value)
    assert str(path) in str(error.value)
    with pytest.raises(InputError, match=r"chr7.*same assembly"):
        Genome(path).codes("chr7")


def test_a_blacklist_of_other_names_is_not_ignored(path):
    with pytest.raises(InputError, match=r"'2' is not in the genome.*calls it 'chr2'"):
        _ = Genome(path, make_intervals(["2"], [0], [5])).lengths
    foreign = make_intervals(["chrUn", "chr2"], [0, 0], [5, 5])
    assert list(Genome(path, foreign).lengths) == ["chr1", "chr2"]


@pytest.mark.parametrize(("start", "end"), [(20, 28), (-1, 5), (5, 5), (7, 5)])
def test_an_interval_outside_its_chromosome_is_named(path, start, end):
    with pytest.raises(InputError, match=rf"chr1:{start}-{end} .*of 27 bp.*same assembly"):
        Genome(path).fetch(make_intervals(["chr2", "chr1"], [0, start], [5, end]))


def test_plain_gzip_is_explained(tmp_path):
    path = tmp_path / "g.fa.gz"
    path.write_bytes(gzip.compress(b">c\nACGT\n"))
    with pytest.raises(InputError, match=r"g\.fa\.gz.*plain gzip.*gunzip.*bgzip"):
        _ = Genome(path).lengths


def test_bgzip_reads_as_plain(tmp_path):
    bgzf = pytest.importorskip("Bio.bgzf", reason="reading bgzip needs biopython")
    text = "".join(np.random.default_rng(0).choice(list("ACGT"), 200_000))  # several blocks
    plain = write_fasta(tmp_path / "g.fa", {"a": text, "b": CHR2}, line=60)
    with bgzf.BgzfWriter(str(tmp_path / "g.fa.gz"), "wb") as handle:
        handle.write(plain.read_bytes())
    asked = make_intervals(["b", "a", "a"], [0, 150_000, 65_270], [21, 150_300, 65_290])
    expected = [CHR2, text[150_000:150_300], text[65_270:65_290]]
    for _ in range(2):  # the second time with the stored index
        assert decode(Genome(tmp_path / "g.fa.gz").fetch(asked)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "genome file is empty"),
        ("ACGT\n", "not a usable FASTA"),
        (">a\nACGT\n>a\nACGT\n", "not a usable FASTA.*a"),
        (">a\nACGT\nAC\nACGT\n", "not a usable FASTA.*equally long"),
    ],
)
def test_broken_fasta_is_an_input_error(tmp_path, text, message):
    path = tmp_path / "broken.fa"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"broken\.fa: .*{message}"):
        _ = Genome(path).lengths


def test_bad_letters_name_file_and_chromosome(tmp_path):
    path = write_fasta(tmp_path / "g.fa", {"c": "ACG!"})
    with pytest.raises(InputError, match=r"g\.fa: chromosome 'c'.*'!'"):
        Genome(path).codes("c")


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="no such genome"):
        Genome(tmp_path / "none.fa")


def test_index_goes_to_the_cache_where_the_folder_is_read_only(tmp_path, monkeypatch):
    folder = tmp_path / "readonly"
    folder.mkdir()
    path = write_fasta(folder / "g.fa", {"c": "ACGT"})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder.chmod(0o500)
    try:
        if os.access(folder, os.W_OK):  # root writes everywhere: refuse in its stead
            real = genome_index.tempfile.TemporaryDirectory

            def refuse(**options):
                if options["dir"] == folder:
                    raise PermissionError(13, "read-only")
                return real(**options)

            monkeypatch.setattr(genome_index.tempfile, "TemporaryDirectory", refuse)
        assert Genome(path).lengths == {"c": 4}
        assert not (folder / "g.fa.fai").exists()
        assert len(list((tmp_path / "cache" / "dann_tfbs").glob("*-g.fa.fai"))) == 1
    finally:
        folder.chmod(0o700)


def test_a_stale_index_is_made_anew(path):
    assert Genome(path).lengths["chr1"] == 27
    write_fasta(path, {"chr1": "ACGTACGTACGTAC"})
    later = path.with_name("genome.fa.fai").stat().st_mtime + 5
    os.utime(path, (later, later))
    genome = Genome(path)
    assert genome.lengths == {"chr1": 14}
    assert decode(genome.fetch(make_intervals(["chr1"], [9], [14]))) == ["CGTAC"]


def test_a_genome_can_be_sent_to_another_process(path):
    genome = Genome(path)
    genome.codes("chr1")
    copy = pickle.loads(pickle.dumps(genome))
    assert decode(copy.fetch(make_intervals(["chr1"], [0], [4]))) == ["ACGT"]


@pytest.mark.parametrize("bases_per_window", [-1, 10**9])
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text("ACGTNacgu", min_size=1, max_size=90), line=st.integers(1, 30), data=st.data())
def test_windows_read_alone_are_those_of_the_chromosome(
    tmp_path, monkeypatch, bases_per_window, text, line, data
):
    monkeypatch.setattr(genome_module, "_BASES_PER_WINDOW", bases_per_window)
    path = write_fasta(tmp_path / "any.fa", {"first": "ACGT", "c": text, "last": "GG"}, line)
    path.with_name("any.fa.fai").unlink(missing_ok=True)
    starts = data.draw(st.lists(st.integers(0, len(text) - 1), min_size=1, max_size=6))
    ends = [data.draw(st.integers(start + 1, len(text))) for start in starts]
    windows = make_intervals(["c"] * len(starts), starts, ends)
    plain = text.upper().replace("U", "T")
    expected = [plain[start:end] for start, end in zip(starts, ends, strict=True)]
    assert decode(Genome(path).fetch(windows)) == expected


@pytest.mark.parametrize("bases_per_window", [-1, 10**9])
def test_a_file_changed_after_it_was_indexed_is_noticed(path, monkeypatch, bases_per_window):
    monkeypatch.setattr(genome_module, "_BASES_PER_WINDOW", bases_per_window)
    assert Genome(path).lengths["chr1"] == 27
    index = path.with_name("genome.fa.fai")
    path.write_text(path.read_text()[:30])
    later = path.stat().st_mtime + 5
    os.utime(index, (later, later))
    with pytest.raises(InputError, match=r"chromosome 'chr1' cannot be read.*delete its \.fai"):
        Genome(path).fetch(make_intervals(["chr1"], [15], [27]))
