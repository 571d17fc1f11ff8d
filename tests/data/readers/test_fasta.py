import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dann_tfbs.data.readers import fasta as module
from dann_tfbs.data.readers.fasta import parse_interval, read_fasta
from dann_tfbs.data.readers.opening import line_blocks
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import decode


def records(path, **options):
    chunks = list(read_fasta(path, **options))
    names = [name for chunk in chunks for name in chunk.names]
    texts = [text for chunk in chunks for text in decode(chunk.sequences)]
    return list(zip(names, texts, strict=True))


def test_multi_line_crlf_lower_case_and_empty_records(tmp_path):
    path = tmp_path / "a.fa.gz"
    path.write_bytes(gzip.compress(b">one first record\r\nACG\r\n\r\ntu\r\n>two\n>\nryN\n>last\nA"))
    assert records(path) == [("one", "ACGTT"), ("two", ""), ("", "NNN"), ("last", "A")]
    headers = [header for chunk in read_fasta(path) for header in chunk.headers]
    assert headers == ["one first record", "two", "", "last"]


def test_chunks_hold_at_most_the_asked_number(tmp_path):
    path = tmp_path / "a.fa"
    path.write_text("".join(f">{n}\n{'ACGT'[n % 4] * (n % 3 + 1)}\n" for n in range(10)))
    chunks = list(read_fasta(path, chunk_size=4))
    assert max(len(chunk.names) for chunk in chunks) == 4
    assert records(path, chunk_size=3) == [(str(n), "ACGT"[n % 4] * (n % 3 + 1)) for n in range(10)]


def test_one_long_sequence_does_not_widen_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr("dann_tfbs.data.readers.encoding.MAX_BATCH_BYTES", 100)
    path = tmp_path / "a.fa"
    path.write_text(">a\nAC\n>b\nG\n>long\n" + "T" * 90 + "\n>c\nA\n")
    chunks = list(read_fasta(path))
    assert all(chunk.sequences.codes.size <= 100 for chunk in chunks)
    assert [name for chunk in chunks for name in chunk.names] == ["a", "b", "long", "c"]


@given(
    st.lists(st.lists(st.text("ACGTN", max_size=5), max_size=4), min_size=1, max_size=8),
    st.integers(1, 30),
)
def test_records_come_back_whatever_the_lines_and_blocks(tmp_path_factory, sequences, block_bytes):
    path = tmp_path_factory.mktemp("fasta") / "a.fa"
    path.write_text(
        "".join(
            f">r{n}\n" + "".join(line + "\n" for line in lines) for n, lines in enumerate(sequences)
        )
    )

    def small_blocks(name, cut):
        return line_blocks(name, cut, block_bytes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "line_blocks", small_blocks)
        found = records(path)
    assert found == [(f"r{n}", "".join(lines)) for n, lines in enumerate(sequences)]


@pytest.mark.parametrize("longest_row", [0, 1 << 12])
def test_lines_of_one_length_are_read_the_same_row_by_row(tmp_path, monkeypatch, longest_row):
    monkeypatch.setattr(module, "_LONGEST_ROW", longest_row)
    path = tmp_path / "a.fa"
    path.write_text(">aa 1\nACGT\n>bb 2\nGGNA\nTTTT\n>cc 3\nCCCC\n")
    assert records(path) == [("aa", "ACGT"), ("bb", "GGNATTTT"), ("cc", "CCCC")]
    path.write_text(">aa 1\nACGT\n>bb 2\nAC-T\n>cc 3\nCCCC\n")
    with pytest.raises(InputError, match=r"a\.fa:3: the sequence holds the character '-'"):
        records(path)


def test_a_bad_letter_names_the_line_of_its_record(tmp_path):
    path = tmp_path / "a.fa"
    path.write_text(">a\nACGT\nAC\n>b\nACGT\nAC-T\n")
    with pytest.raises(InputError, match=r"a\.fa:4: the sequence holds the character '-'\. Seq"):
        records(path)


def test_text_before_the_first_header_and_files_without_any(tmp_path):
    path = tmp_path / "a.fa"
    path.write_text("\nACGT\n>a\nA\n")
    with pytest.raises(InputError, match=r"a\.fa:2: .*must start with '>'.*header line"):
        records(path)
    path.write_text("\n\n")
    with pytest.raises(InputError, match="holds no FASTA record"):
        records(path)


@pytest.mark.parametrize(
    ("header", "interval"),
    [
        (">abcdefg chr=chr10;start=100;end=401", ("chr10", 100, 401)),
        ("abcdefg chr=chr10;start=100;end=401;x=1", ("chr10", 100, 401)),
        (">chr4:125640130-125640406", ("chr4", 125640130, 125640406)),
        ("chrII:5-9 more words", ("chrII", 5, 9)),
        ("peak_1::chrX:5-9(-)", ("chrX", 5, 9)),
        ("seq_00001_peak", None),
        (">HK00001 id_spot=1;row=2;col=3;linker=ACGT", None),
        ("chr4:9-9", None),
        ("chr4:5-x", None),
        ("chr4:5-9extra", None),
        ("NB500883:553:HWMM7AFXY:1:11101", None),
        ("", None),
    ],
)
def test_intervals_in_headers(header, interval):
    assert parse_interval(header) == interval
