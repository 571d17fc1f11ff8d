import numpy as np

from dann_tfbs import sequence
from dann_tfbs.testsets.probes import Array, agree, probe_parts, probe_rows, renamed

N = 200


def array(background, bound, *, names=None, probes=None, measured=None, rng=None):
    rng = rng or np.random.default_rng(3)
    codes = rng.integers(0, 4, (N, 35), dtype=np.uint8) if probes is None else probes
    flags = np.zeros(N, dtype=bool)
    flags[bound] = True
    return Array(
        "A",
        background,
        np.array([f"HK{i:05d}" for i in range(N)] if names is None else names, dtype=object),
        sequence.from_codes(codes),
        sequence.encode(["CCTG"] * N),
        np.array([f"id_spot={i}" for i in range(N)], dtype=object),
        flags,
        np.ones(N, dtype=bool) if measured is None else measured,
    )


def names_of(part, label):
    rows = np.flatnonzero(part.label == label)
    return {part.header[row].split(" ")[0] for row in rows}


def test_negatives_are_ten_a_positive_and_bound_by_no_rule(rng):
    arrays = [array("QNZS", [0, 1]), array("SD", [1, 2, 3, 4])]
    rows = probe_rows(arrays)
    parts, report = probe_parts(arrays, rows, 10, rng)
    assert len(rows) == N
    assert names_of(parts["QNZS"], 1) == {"HK00000", "HK00001"}
    assert len(names_of(parts["QNZS"], 0)) == 20
    assert len(names_of(parts["SD"], 0)) == 40
    ever = {f"HK{i:05d}" for i in range(5)}
    assert not ever & (names_of(parts["QNZS"], 0) | names_of(parts["SD"], 0))
    assert report["QNZS"]["backgrounds"]["QNZS"]["dropped"] == {"bound by another rule": 3}
    bound, drawn = (parts["SD"].take(parts["SD"].label == label) for label in (1, 0))
    means = [sequence.gc_content(part.sequences).mean() for part in (bound, drawn)]
    assert abs(means[0] - means[1]) < 0.05


def test_a_spot_without_signal_is_a_row_but_no_negative(rng):
    measured = np.arange(N) < 15
    arrays = [array("SD", [0, 1], measured=measured)]
    rows = probe_rows(arrays)
    parts, report = probe_parts(arrays, rows, 10, rng)
    assert len(rows) == N
    assert names_of(parts["SD"], 0) <= {f"HK{i:05d}" for i in range(2, 15)}
    assert report["SD"]["backgrounds"]["SD"]["asked"] == 20


def test_a_background_without_a_bound_probe_is_left_out(rng):
    arrays = [array("QNZS", []), array("SD", [1])]
    parts, report = probe_parts(arrays, probe_rows(arrays), 10, rng)
    assert set(parts) == {"SD"}
    assert report["QNZS"]["positives"]["count"] == 0


def test_the_linker_stands_before_the_probe_and_in_the_header():
    rows = probe_rows([array("SD", [])])
    assert rows.header[7] == "HK00007 id_spot=7;linker=CCTG"
    assert sequence.decode(rows.sequences.take(slice(7, 8)))[0].startswith("CCTG")


def test_names_that_stand_for_different_probes_are_given_anew(rng):
    first = array("a", [0])
    second = array("b", [N - 1], probes=np.ascontiguousarray(first.probes.codes[::-1]))
    assert agree([first, array("c", [])])
    assert not agree([first, second])
    one, other = renamed([first, second])
    # The same probes in another order: one name each, and the same probe is bound in both.
    assert one.names.tolist() == other.names[::-1].tolist()
    assert agree([one, other])
    assert len(probe_rows([one, other])) == N
    assert set(one.names[one.bound]) == set(other.names[other.bound])


def test_a_probe_of_several_spots_is_one_row_and_bound_if_one_is(rng):
    names = [f"HK{i // 2:05d}" for i in range(N)]
    codes = np.repeat(rng.integers(0, 4, (N // 2, 35), dtype=np.uint8), 2, axis=0)
    arrays = [array("SD", [3], names=names, probes=codes)]
    rows = probe_rows(arrays)
    parts, _ = probe_parts(arrays, rows, 10, rng)
    assert len(rows) == N // 2
    assert names_of(parts["SD"], 1) == {"HK00001"}
    assert len(names_of(parts["SD"], 0)) == 10
