import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dann_tfbs.data.readers.peaks import peak_windows, read_peaks
from dann_tfbs.errors import InputError

HEADER = (
    "#CHROM\tSTART \tEND\t abs_summit\tpileup\t-log10(pvalue)\tfold_enrichment\t"
    "-log10(qvalue)\tname\tsupporting_peakcallers\n"
)


def write(tmp_path, text, name="a.peaks"):
    path = tmp_path / name
    path.write_text(text)
    return path


def rows(peaks):
    where = peaks.intervals
    return list(
        zip(
            where.chrom.tolist(),
            where.start.tolist(),
            where.end.tolist(),
            peaks.summit.tolist(),
            strict=True,
        )
    )


def test_ibis_peaks_with_a_second_header_and_empty_cells(tmp_path):
    path = write(
        tmp_path,
        HEADER
        + "chr1\t100\t300\t150\t12.5\t\t\t\tp1\tmacs2,cpics\n"
        + HEADER
        + "chr2\t10\t21\t\t\t3\t4\t5\tp2\tgem\n",
        name="THC_0307.Rep-DIANA_0293.peaks",
    )
    peaks = read_peaks(path)
    assert rows(peaks) == [("chr1", 100, 300, 150), ("chr2", 10, 21, 15)]
    assert peaks.score[0] == 12.5
    assert np.isnan(peaks.score[1])
    assert peaks.lines.tolist() == [2, 4]


def test_ibis_peaks_without_header_are_told_by_the_name(tmp_path):
    line = "chr1\t100\t300\t150\t12\t1\t2\t3\tp1\tmacs2\n"
    assert read_peaks(write(tmp_path, line)).summit.tolist() == [150]
    assert read_peaks(write(tmp_path, line, name="a.bed")).summit.tolist() == [200]


def test_narrow_peak_summit_is_an_offset_and_minus_one_is_none(tmp_path):
    path = tmp_path / "a.narrowPeak.gz"
    path.write_bytes(
        gzip.compress(
            b"track type=narrowPeak\r\n"
            b"chr1\t100\t300\tp\t1000\t.\t7.5\t3\t2\t0\r\n"
            b"chr1\t100\t300\tp\t1000\t+\t8.5\t3\t2\t60\r\n"
            b"chr1\t100\t301\tp\t1000\t.\t9.5\t-1\t-1\t-1\r\n"
        )
    )
    peaks = read_peaks(path)
    assert peaks.summit.tolist() == [100, 160, 200]
    assert peaks.score.tolist() == [7.5, 8.5, 9.5]
    assert peaks.lines.tolist() == [2, 3, 4]


def test_numbers_may_stand_in_blanks(tmp_path):
    assert rows(read_peaks(write(tmp_path, "chr1\t 3\t9 \n", name="a.bed"))) == [("chr1", 3, 9, 6)]


def test_bed_of_three_and_six_columns(tmp_path):
    three = read_peaks(write(tmp_path, "browser x\ntig1\t0\t3\n\nbig\t5\t9\n", name="a.bed"))
    assert rows(three) == [("tig1", 0, 3, 1), ("big", 5, 9, 7)]
    assert np.isnan(three.score).all()
    six = read_peaks(write(tmp_path, "chrI\t0\t4\tx\t.\t+\nchrI\t0\t4\tx\t9\t+\n", name="b.bed"))
    assert np.isnan(six.score[0])
    assert six.score[1] == 9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#c\nchr1\t1\t5\nchr1\t1\n", r":3: the row has 2 tab-separated cells, expected 3"),
        ("chr1\t1\n", r":1: the row has 2 tab-separated cells, a peak needs at least 3"),
        ("chr1 1 5\n", r":1: the row has 1 .*separated by tabs"),
        ("chr1\t1\t5\n\nchr1\tx\t5\n", r":3: the start is 'x', not a whole number"),
        ("chrom\tstart\tend\nchr1\t1\t5\n", r":1: the start is 'start'"),
        ("chr1\t1\t5.5\n", r":1: the end is '5\.5'"),
        ("chr1\t1\t\n", r":1: the end is ''"),
        ("chr1\t5\t5\n", r":1: the end is not behind the start\. Ends are exclusive"),
        ("chr1\t-1\t5\n", r":1: the start is negative\. Starts are 0-based"),
        ("\t1\t5\n", r":1: the chromosome is empty"),
        (HEADER + "chr1\t100\t300\t50" + "\t" * 6 + "\n", r":2: the summit lies outside the peak"),
        (HEADER + "chr1\t100\t300\tmid" + "\t" * 6 + "\n", r":2: the summit is 'mid'"),
        (HEADER, r": holds no rows"),
        ("chr1\t1\t5\rchr1\t2\t6\r", r":1: the line holds a byte that belongs into no table"),
        ("chr1\t0x1\t50\n", r":1: the start is '0x1', not a whole number"),
        ("chr1\t1\t+50\n", r":1: the end is '\+50', not a whole number"),
        ("chr1\t1\t9999999999999999\n", r":1: the end is '9+', not a whole number"),
        ("chr1\t1\t99999999999999999999\n", r":1: the end is '9+', not a whole number"),
    ],
)
def test_bad_peaks_name_the_line(tmp_path, text, message):
    with pytest.raises(InputError, match=r"bad\.peaks" + message):
        read_peaks(write(tmp_path, text, name="bad.peaks"))


def test_a_window_of_301_bp_runs_from_summit_minus_150_to_plus_151(tmp_path):
    peaks = read_peaks(write(tmp_path, HEADER + "chr1\t900\t1200\t1000" + "\t" * 6 + "\n"))
    odd, even = peak_windows(peaks, 301), peak_windows(peaks, 4)
    assert (odd.start.tolist(), odd.end.tolist()) == ([850], [1151])
    assert (even.start.tolist(), even.end.tolist()) == ([998], [1002])
    with pytest.raises(InputError, match="window"):
        peak_windows(peaks, 0)


@given(st.permutations(range(6)))
def test_row_order_only_orders(tmp_path_factory, order):
    lines = [f"chr{n}\t{10 * n}\t{10 * n + 7}\t{10 * n + n}" + "\t" * 6 + "\n" for n in range(6)]
    path = tmp_path_factory.mktemp("peaks") / "a.peaks"
    path.write_text(HEADER + "".join(lines[n] for n in order))
    assert rows(read_peaks(path)) == [(f"chr{n}", 10 * n, 10 * n + 7, 11 * n) for n in order]
