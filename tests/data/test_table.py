import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dann_tfbs.data import table as table_module
from dann_tfbs.data.table import (
    SCHEMA,
    read_table,
    sequence_column,
    table_sequences,
    write_table,
)
from dann_tfbs.errors import InputError, OutputError
from dann_tfbs.sequence import decode, encode

ROW = {
    "tag": "CHS0000001",
    "sequence": "ACGTN",
    "label": 1,
    "signal": None,
    "tf": "MYC",
    "assay": "CHS",
    "source": "positive",
    "split": "train",
    "group": "R0",
    "cycle": None,
    "chrom": "chr1",
    "start": 5,
    "end": 10,
}


def rows(*changes):
    return pa.Table.from_pylist([ROW | change for change in changes], schema=SCHEMA)


def test_a_table_comes_back_as_it_was_with_any_parquet_tool(tmp_path):
    table = rows({}, {"label": None, "signal": 2.5, "chrom": None, "start": None, "end": None})
    write_table(tmp_path / "table.parquet", table)
    assert read_table(tmp_path).to_pylist() == table.to_pylist()
    assert read_table(tmp_path / "table.parquet", ["tag"]).column_names == ["tag"]
    assert pq.read_table(tmp_path / "table.parquet").schema.equals(SCHEMA)
    write_table(tmp_path / "again.parquet", table)
    first, again = ((tmp_path / f"{n}.parquet").read_bytes() for n in ("table", "again"))
    assert first == again


def test_what_is_no_prepared_table_is_said_so(tmp_path):
    with pytest.raises(InputError, match=r"table\.parquet: there is no.*dann-tfbs prepare"):
        read_table(tmp_path)
    (tmp_path / "table.parquet").write_text("tag,sequence\n")
    with pytest.raises(InputError, match="is not a Parquet file"):
        read_table(tmp_path)
    write_table(tmp_path / "table.parquet", rows({}))
    pq.write_table(rows({}).drop(["label", "tf"]), tmp_path / "less.parquet")
    with pytest.raises(InputError, match=r"columns label, tf are missing.*dann-tfbs prepare"):
        read_table(tmp_path / "less.parquet")
    assert read_table(tmp_path / "less.parquet", ["tag"]).num_rows == 1
    damaged = (tmp_path / "table.parquet").read_bytes()
    (tmp_path / "table.parquet").write_bytes(damaged[:40] + bytes(200) + damaged[240:])
    with pytest.raises(InputError, match=r"table\.parquet: is damaged.*Make it again"):
        read_table(tmp_path)


def test_a_row_without_a_required_value_is_not_written(tmp_path):
    with pytest.raises((ValueError, OutputError)):
        write_table(tmp_path / "t.parquet", rows({"sequence": None}))
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.text("ACGTN", max_size=9), max_size=8), st.data())
def test_sequences_of_any_slice_and_chunks_decode_to_the_column(texts, data):
    cut = data.draw(st.integers(0, len(texts)))
    chunks = [pa.array(texts[:cut], pa.string()), pa.array(texts[cut:], pa.string())]
    table = pa.table({"sequence": pa.chunked_array(chunks, pa.string())})
    assert decode(table_sequences(table)) == texts
    assert decode(table_sequences(table.slice(cut))) == texts[cut:]


@given(st.lists(st.text(alphabet="ACGTN", max_size=9)), st.integers(1, 20))
def test_sequences_make_the_column_they_came_from(texts, most):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_module, "_MOST_LETTERS", most)  # so that there are many chunks
        column = sequence_column(encode(texts))
    assert column.to_pylist() == texts
    assert decode(table_sequences(pa.table({"sequence": column}))) == texts


def test_a_bad_letter_names_its_row_whatever_the_chunk():
    column = pa.chunked_array([["ACGT", "AC"], ["A", "AC!", "ACG"]])
    with pytest.raises(InputError, match="character '!'") as caught:
        table_sequences(pa.table({"sequence": column}))
    assert caught.value.line == 4
