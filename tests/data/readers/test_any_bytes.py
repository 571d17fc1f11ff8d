"""Whatever bytes a file holds, a reader returns data or explains itself."""

import gzip

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dann_tfbs.data.readers.fasta import parse_interval, read_fasta
from dann_tfbs.data.readers.fastq import parse_fastq_name, read_fastq
from dann_tfbs.data.readers.pbm import read_pbm
from dann_tfbs.data.readers.peaks import peak_windows, read_peaks
from dann_tfbs.data.readers.reads import read_sequences
from dann_tfbs.data.sources import read_sheet
from dann_tfbs.errors import InputError

PIECES = (
    b">", b"@", b"+", b"#", b"\n", b"\r\n", b"\r", b"\t", b" ", b"\0", b"\xff", b"\x1f\x8b", b'"',
    b"ACGT", b"IIII", b"N", b"chr1", b"\t10", b"\t20", b"-1", b"1e999", b"99999999999999999999",
    b"nan", b"chr1\t10\t20\n", b"@r\nACGT\n+\nIIII\n", b">r\nACGT\n", b"track", b"TRUE",
    b"#pbm_sequence\tmean_signal_intensity\tflag\n", b"ACGT\t3.5\t0\n", b"abs_summit",
    "é".encode(),
    b"path\tassay\ttf\n", b"nowhere\tCHS\tX\n", b"x" * 300 + b"\tCHS\tX\n",
)  # fmt: skip
CONTENT = st.one_of(
    st.binary(max_size=60), st.lists(st.sampled_from(PIECES), max_size=25).map(b"".join)
)
READERS = {
    "fasta": lambda path: [len(chunk.sequences) for chunk in read_fasta(path)],
    "fastq": lambda path: [len(chunk) for chunk in read_fastq(path)],
    "sequences": lambda path: [len(chunk) for chunk in read_sequences(path)],
    "peaks": lambda path: peak_windows(read_peaks(path), 301),
    "pbm": lambda path: read_pbm(path).for_training(),
    "sheet": read_sheet,
}


def refusal(reader, path):
    try:
        reader(path)
    except InputError as error:
        return error
    return None


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["a.bed", "a.peaks"])
@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=CONTENT, packing=st.sampled_from(["plain", "gz", "truncated"]))
@example(content=b"\n" * 9, packing="plain")
@example(content=b"\t\t\n\t\t\n", packing="plain")
@example(content=b"path\tassay\nx\0y\tCHS\n", packing="plain")
def test_any_bytes_give_data_or_an_input_error(tmp_path, reader, name, content, packing):
    if packing != "plain":
        content = gzip.compress(content)
    if packing == "truncated":
        content = content[: len(content) * 2 // 3]
    path = tmp_path / name
    path.write_bytes(content)
    error = refusal(READERS[reader], path)
    if error is not None:
        assert str(path) in str(error)
        assert error.remedy


@given(st.text())
def test_any_name_and_header_can_be_parsed(text):
    parse_interval(text)
    parse_fastq_name(text)
