import gzip
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dann_tfbs.data.readers.opening import first_byte, line_blocks, read_lines
from dann_tfbs.errors import InputError


def texts(blocks):
    return [block.text(line) for block in blocks for line in range(len(block))]


@pytest.mark.parametrize("block_bytes", [1, 2, 3, 7, 1 << 20])
def test_blocks_of_any_size_give_the_same_lines(tmp_path, block_bytes):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\r\n\ntwo two\nlast")
    blocks = list(line_blocks(path, block_bytes=block_bytes))
    assert texts(blocks) == ["one", "", "two two", "last"]
    counted = np.cumsum([1, *map(len, blocks)])
    assert [block.first for block in blocks] == counted[:-1].tolist()


def test_compression_is_told_by_content_not_by_name(tmp_path):
    packed = tmp_path / "packed.txt"
    packed.write_bytes(gzip.compress(b"AC\nGT\n"))
    plain = tmp_path / "plain.gz"
    plain.write_bytes(b"AC\nGT\n")
    assert texts(line_blocks(packed)) == texts(line_blocks(plain)) == ["AC", "GT"]


def test_several_gzip_members_are_one_file(tmp_path):
    path = tmp_path / "two.gz"
    path.write_bytes(gzip.compress(b"AC\nG") + gzip.compress(b"T\n"))
    assert texts(line_blocks(path)) == ["AC", "GT"]


def test_a_cut_holds_lines_back_for_the_next_block(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("".join(f"{n}\n" for n in range(11)))
    blocks = list(line_blocks(path, cut=lambda lines: len(lines) // 4 * 4, block_bytes=5))
    assert [len(block) % 4 for block in blocks] == [0] * (len(blocks) - 1) + [3]
    assert texts(blocks) == [str(n) for n in range(11)]


@given(
    st.lists(st.binary(max_size=6).map(lambda b: b.replace(b"\n", b"").replace(b"\r", b"")),
             min_size=1, max_size=12),
    st.integers(1, 20),
)  # fmt: skip
def test_lines_come_back_whatever_the_block(tmp_path_factory, lines, block_bytes):
    path = tmp_path_factory.mktemp("lines") / "a"
    content = b"\n".join(lines) + b"\n"
    if content.startswith(b"\x1f\x8b"):
        content = b" " + content
    path.write_bytes(content)
    blocks = line_blocks(path, block_bytes=block_bytes)
    assert b"".join(block.letters.tobytes() for block in blocks) == content


def test_a_truncated_gzip_names_the_last_line_that_could_be_read(tmp_path):
    path = tmp_path / "cut.gz"
    whole = gzip.compress(os.urandom(1000).hex().encode() + b"\nACGT\n" + b"A\n" * 50_000)
    path.write_bytes(whole[:-20])
    with pytest.raises(InputError) as caught:
        list(line_blocks(path, block_bytes=64))
    assert "truncated" in str(caught.value)
    assert "again" in str(caught.value)
    assert 2 <= caught.value.line <= 50_002


def test_a_truncated_gzip_without_any_line(tmp_path):
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(b"ACGT\n")[:12])
    with pytest.raises(InputError, match="truncated"):
        list(line_blocks(path))


@pytest.mark.parametrize("position", [14, -6])
def test_a_damaged_gzip_is_told(tmp_path, position):
    packed = bytearray(gzip.compress(os.urandom(2000)))
    packed[position] ^= 0xFF
    path = tmp_path / "bad.gz"
    path.write_bytes(packed)
    with pytest.raises(InputError, match=r"bad\.gz.*(damaged|truncated) gzip.*again"):
        list(line_blocks(path))


def test_an_empty_file_is_an_error_also_when_packed(tmp_path):
    for name, content in (("a", b""), ("b.gz", gzip.compress(b""))):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError, match="is empty"):
            list(line_blocks(path))


def test_missing_folder_and_forbidden_files_are_told_apart(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"nowhere: does not exist\. Check the path"):
        read_lines(tmp_path / "nowhere")
    with pytest.raises(InputError, match="is a folder"):
        read_lines(tmp_path)

    def forbidden(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", forbidden)
    with pytest.raises(InputError, match=r"may not be read.*permissions"):
        read_lines(tmp_path / "secret")


def test_first_byte_skips_white_space(tmp_path):
    path = tmp_path / "a"
    path.write_text("\n \n\t>x\n")
    assert first_byte(path) == b">"
    path.write_text("\n \n")
    assert first_byte(path) == b""
