import gzip

import pytest

from dann_tfbs.data.readers.reads import read_sequences
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import decode


@pytest.mark.parametrize(
    "text",
    [
        ">a\nACG\n>b\nTT\n",
        "\n>a\nAC\nG\n>b\nTT\n",
        "@a\nACG\n+\nIII\n@b\nTT\n+\nII\n",
        "# a comment\nACG\n\n#another\nTT",
        "ACG\r\nTT\r\n",
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_the_content_decides_on_the_format(tmp_path, text, packed):
    path = tmp_path / "reads.anything"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    assert [read for chunk in read_sequences(path) for read in decode(chunk)] == ["ACG", "TT"]


def test_a_bad_letter_in_plain_text_names_the_line(tmp_path):
    path = tmp_path / "reads.txt"
    path.write_text("#x\nACG\n\nAC GT\nA\n")
    with pytest.raises(InputError, match=r"reads\.txt:4: the sequence holds the character ' '"):
        list(read_sequences(path))


def test_comments_alone_are_no_reads(tmp_path):
    path = tmp_path / "reads.txt"
    path.write_text("#x\n\n")
    with pytest.raises(InputError, match=r"holds no sequence\. Give FASTA, FASTQ or"):
        list(read_sequences(path))
