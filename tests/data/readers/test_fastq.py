import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dann_tfbs.data.readers import fastq as module
from dann_tfbs.data.readers.fastq import ReadFileName, parse_fastq_name, read_fastq
from dann_tfbs.data.readers.opening import line_blocks
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import decode


def reads(path, **options):
    return [text for chunk in read_fastq(path, **options) for text in decode(chunk)]


def write(path, sequences, end="\n"):
    text = "".join(f"@r{n}{end}{s}{end}+{end}{'I' * len(s)}{end}" for n, s in enumerate(sequences))
    path.write_bytes(gzip.compress(text.encode()))
    return path


def test_reads_of_unequal_length(tmp_path):
    sequences = ["ACGTN", "", "A", "ggt"]
    path = write(tmp_path / "a.fastq.gz", sequences, end="\r\n")
    assert reads(path) == ["ACGTN", "", "A", "GGT"]


def test_qualities_may_look_like_headers(tmp_path):
    path = tmp_path / "a.fastq"
    path.write_text("@r\nACGT\n+r\n@+@@\n@s\nGG\n+\n>@")
    assert reads(path) == ["ACGT", "GG"]


@given(st.lists(st.text("ACGTN", max_size=6), min_size=1, max_size=12), st.integers(1, 40))
def test_reads_come_back_whatever_the_block(tmp_path_factory, sequences, block_bytes):
    path = write(tmp_path_factory.mktemp("fastq") / "a.gz", sequences)

    def small_blocks(name, cut):
        return line_blocks(name, cut, block_bytes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "line_blocks", small_blocks)
        assert reads(path) == sequences


def test_chunks_hold_at_most_the_asked_number(tmp_path):
    path = write(tmp_path / "a.gz", ["AC"] * 7)
    assert [len(chunk) for chunk in read_fastq(path, chunk_size=3)] == [3, 3, 1]


def test_blank_lines_at_the_end_are_no_read(tmp_path):
    path = tmp_path / "a.fastq"
    path.write_text("@r\nACGT\n+\nIIII\n\n\n")
    assert reads(path) == ["ACGT"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@r\nAC\n+\nII\nr\nAC\n+\nII\n", r":5: line 1 of a read must start with '@'"),
        ("@r\nAC\n-\nII\n", r":3: line 3 of a read must start with '\+'.*four lines"),
        ("@r\nAC\n+\nII\n@s\nACG\n+\nII\n", r":8: the read has 3 bases but 2 qualities"),
        ("@r\nAC\n+\nII\n@s\nACG\n", r":6: the file ends inside a read\..*truncated"),
        ("@r\nAC\n+\nII\n@s\nA.G\n+\nIII\n", r":6: the sequence holds the character '\.'"),
        ("@r\nAC\n\n+\nII\n", r":3: line 3 of a read must start"),
    ],
)
def test_bad_reads_name_the_line(tmp_path, text, message):
    path = tmp_path / "bad.fastq"
    path.write_text(text)
    with pytest.raises(InputError, match=r"bad\.fastq" + message):
        reads(path)


def test_lines_are_counted_across_blocks(tmp_path):
    path = tmp_path / "bad.fastq"
    path.write_text("@r\nACGT\n+\nIIII\n" * 100_000 + "@r\nACGX\n+\nIIII\n")
    with pytest.raises(InputError) as caught:
        reads(path)
    assert caught.value.line == 400_002


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "ZNF20_R1_C3_lf5ACGTT_rf3GGA.fastq.gz",
            ReadFileName("ZNF20", 1, 3, "ACGTT", "GGA"),
        ),
        ("in/SALL4_R0_C6_lf5_rf3.fastq.gz", ReadFileName("SALL4", 0, 6, "", "")),
        ("HOX_C2_R10_C4_lf5_rf3T.fq", ReadFileName("HOX", 10, 4, "", "T")),
        ("MYC-FL_R0_C0.fastq", ReadFileName("MYC-FL", 0, 0, "", "")),
        ("THC_0307.Rep-DIANA_0293.C2.fastq", ReadFileName(None, None, 2, "", "")),
        ("UT380-154.fastq.gz", ReadFileName(None, None, None, "", "")),
        ("input_40N.fasta.gz", ReadFileName(None, None, None, "", "")),
    ],
)
def test_names(name, expected):
    assert parse_fastq_name(name) == expected
