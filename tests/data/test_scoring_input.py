import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dann_tfbs.data.scoring_input import read_scoring_input
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import decode


def read(path, **more):
    return [(tags, decode(sequences)) for tags, sequences in read_scoring_input(path, **more)]


def parquet(path, **columns):
    pq.write_table(pa.table(columns), path)
    return path


def test_fasta_tags_are_the_first_words_of_the_headers_in_chunks(tmp_path):
    fasta = tmp_path / "t.fasta"
    fasta.write_text(">abc chr=chr10;start=1;end=5\nACGT\n>def\nGGG\n>ghi x\nT\n")
    assert read(fasta, chunk_size=2) == [(["abc", "def"], ["ACGT", "GGG"]), (["ghi"], ["T"])]


def test_text_and_fastq_are_numbered_from_1_across_chunks(tmp_path):
    text = tmp_path / "t.txt.gz"
    text.write_bytes(gzip.compress(b"ACG\nACC\nAAA\n"))
    assert read(text, chunk_size=2) == [(["seq1", "seq2"], ["ACG", "ACC"]), (["seq3"], ["AAA"])]
    fastq = tmp_path / "t.fastq"
    fastq.write_text("@x\nAC\n+\nII\n")
    assert read(fastq) == [(["seq1"], ["AC"])]


def test_parquet_rows_keep_their_tags_and_numbers_when_a_split_is_chosen(tmp_path):
    splits = ["train", "test", "train", "test", "test"]
    texts = ["A", "AC", "ACG", "", "ACGTA"]
    named = parquet(tmp_path / "table.parquet", tag=list("abcde"), sequence=texts, split=splits)
    assert read(named, chunk_size=2, split="test") == [
        (["b"], ["AC"]),
        (["d"], [""]),
        (["e"], ["ACGTA"]),
    ]
    assert read(tmp_path, split="train") == [(["a", "c"], ["A", "ACG"])]
    bare = parquet(tmp_path / "bare.parquet", split=splits, sequence=texts)
    assert read(bare, chunk_size=4, split="test") == [
        (["row2", "row4"], ["AC", ""]),
        (["row5"], ["ACGTA"]),
    ]
    assert read(bare)[0][0] == ["row1", "row2", "row3", "row4", "row5"]


def test_tags_that_are_numbers_become_text(tmp_path):
    table = parquet(tmp_path / "t.parquet", sequence=["A", "C"], tag=[10, 2])
    assert read(table) == [(["10", "2"], ["A", "C"])]


def test_what_cannot_be_scored_is_said_so(tmp_path):
    with pytest.raises(InputError, match=r"table\.parquet: there is no prepared table"):
        read(tmp_path)
    with pytest.raises(InputError, match=r"none\.parquet: cannot be read as Parquet.*No such file"):
        read(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_text("no")
    with pytest.raises(InputError, match=r"bad\.parquet: cannot be read as Parquet"):
        read(tmp_path / "bad.parquet")
    other = parquet(tmp_path / "o.parquet", seq=["A"], split=["test"])
    with pytest.raises(InputError, match=r"no column `sequence`.*columns are seq, split"):
        read(other)
    good = parquet(tmp_path / "g.parquet", sequence=["A"], split=["test"])
    with pytest.raises(InputError, match=r"no row of the split 'tset'.*splits are test"):
        read(good, split="tset")
    bare = parquet(tmp_path / "b.parquet", sequence=["A"])
    with pytest.raises(InputError, match=r"no column `split`.*columns are sequence"):
        read(bare, split="test")
    (tmp_path / "t.fa").write_text(">a\nACGT\n")
    with pytest.raises(InputError, match=r"t\.fa \[--split\]: only a prepared table"):
        read(tmp_path / "t.fa", split="test")
    wrong = parquet(tmp_path / "w.parquet", sequence=["ACGT", "AC?T"])
    with pytest.raises(InputError, match=r"w\.parquet \[sequence\]: row 2:.*'\?'"):
        read(wrong)
    null = parquet(tmp_path / "n.parquet", sequence=["ACGT", None])
    with pytest.raises(InputError, match=r"n\.parquet.*row 2.*no sequence"):
        read(null)
    numbers = parquet(tmp_path / "i.parquet", sequence=[1, 2])
    with pytest.raises(InputError, match=r"i\.parquet.*`sequence`.*text"):
        read(numbers)
    untagged = parquet(tmp_path / "u.parquet", sequence=["A", "C"], tag=["a", None])
    with pytest.raises(InputError, match=r"u\.parquet.*row 2.*no tag"):
        read(untagged)
    nested = parquet(tmp_path / "s.parquet", sequence=["A"], tag=[{"a": 1}])
    with pytest.raises(InputError, match=r"s\.parquet.*`tag`.*struct.*text"):
        read(nested)
    damaged = good.read_bytes()
    good.write_bytes(damaged[:4] + bytes(20) + damaged[24:])
    with pytest.raises(InputError, match=r"g\.parquet: is damaged"):
        read(good)
