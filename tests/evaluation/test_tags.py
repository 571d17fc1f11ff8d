from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.tags import TagIndex, refuse_repeated_tags

some_tags = st.lists(st.text("abÄ7", max_size=11), max_size=20, unique=True)


@settings(deadline=None)  # Arrow loads its functions in the first
@given(some_tags, some_tags)
def test_rows_are_those_of_a_dictionary(held, wanted):
    known = {tag: row for row, tag in enumerate(held)}
    found = TagIndex(pa.array(held, pa.string())).rows_of(pa.array(wanted, pa.string()))
    assert found.tolist() == [known.get(tag, -1) for tag in wanted]


@settings(deadline=None)  # Arrow loads its functions in the first
@given(some_tags, some_tags)
def test_what_another_index_lacks_and_whether_both_are_the_same(one, two):
    a, b = (TagIndex(pa.array(tags, pa.string())) for tags in (one, two))
    assert a.without(b) == [(tag, row) for row, tag in enumerate(one) if tag not in two]
    assert a.same_tags(b) == (set(one) == set(two))
    assert a.tags().to_pylist() == one


def test_pieces_of_unequal_widths_and_slices_make_one_index():
    pieces = [pa.array(["xx", "ab", "cd"]).slice(1), pa.array(["a-long-tag-it-is", "e"])]
    index = TagIndex(pieces)
    assert index.tags().to_pylist() == ["ab", "cd", "a-long-tag-it-is", "e"]
    assert index.rows_of(pa.array(["e", "xx", "cd", "a-long-tag-it-i"])).tolist() == [3, -1, 1, -1]
    assert TagIndex(pa.chunked_array(pieces)).same_tags(index)
    assert TagIndex([]).rows_of(pa.array(["a"])).tolist() == [-1]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "c", "a-long-tag-it-is"]), max_size=8))
def test_the_earliest_repetition_is_told(tags):
    later = [row for row, tag in enumerate(tags) if tag in tags[:row]]
    found = TagIndex(pa.array(tags, pa.string())).repeated()
    if not later:
        assert found is None
    else:
        row = later[0]
        assert found == (tags[row], tags.index(tags[row]), row, len(later))


def test_a_repeated_tag_is_refused_with_its_place():
    with pytest.raises(InputError, match=r"x: the tag 'b' of row 2 stands again on row 3; 1 tags"):
        refuse_repeated_tags(Path("x"), pa.array(["a", "b", "b"]))
    refuse_repeated_tags(Path("x"), pa.array(["a", "b"]))
