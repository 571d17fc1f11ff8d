import numpy as np
import pyfaidx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dann_tfbs.data import genome_index
from dann_tfbs.data.genome_index import open_fasta


def fai_of(path):
    return path.with_name(path.name + ".fai").read_text()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.lists(st.integers(0, 40), min_size=1, max_size=5),
    line=st.integers(1, 12),
    block=st.integers(1, 30),
)
def test_the_index_is_that_of_pyfaidx(tmp_path, monkeypatch, lengths, line, block):
    monkeypatch.setattr(genome_index, "_BLOCK_BYTES", block)
    text = ""
    for number, length in enumerate(lengths):
        text += f">c{number} some words\n"
        text += "".join("A" * min(line, length - at) + "\n" for at in range(0, length, line))
    ours, theirs = tmp_path / "ours.fa", tmp_path / "theirs.fa"
    for path in (ours, theirs):
        path.with_name(path.name + ".fai").unlink(missing_ok=True)
        path.write_text(text)
    pyfaidx.Faidx(str(theirs)).close()
    assert genome_index._regular_index(ours) == fai_of(theirs)
    open_fasta(ours).close()
    assert fai_of(ours) == fai_of(theirs)


@pytest.mark.parametrize(
    "text",
    [
        ">a\r\nACGT\r\nAC\r\n",
        "; a comment\n>a\nACGT\n",
        ">a\nACGT\n\n>b\nAC\n",
    ],
)
def test_other_layouts_are_left_to_pyfaidx(tmp_path, text):
    path = tmp_path / "other.fa"
    path.write_bytes(text.encode())
    assert genome_index._regular_index(path) is None
    assert open_fasta(path).index["a"].rlen in (4, 6)


def test_the_last_line_needs_no_end(tmp_path):
    path = tmp_path / "open.fa"
    path.write_text(">a\nACGT\nAC")
    entry = open_fasta(path).index["a"]
    assert (entry.rlen, entry.offset, entry.lenc) == (6, 3, 4)


@pytest.mark.parametrize("widths", [[4, 2, 4], [4, 5], [4, 0, 4], [2, 0, 0]])
def test_lines_of_unequal_length_are_irregular(widths):
    record = genome_index._Record("a", 3)
    assert not record.add(np.array(widths) + 1)
