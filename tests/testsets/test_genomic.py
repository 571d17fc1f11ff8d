import numpy as np
import pytest

from dann_tfbs import sequence
from dann_tfbs.data.genome import Genome
from dann_tfbs.data.intervals import make_intervals
from dann_tfbs.data.overlap import overlaps_any
from dann_tfbs.testsets.genomic import TestPeaks, apart, genomic_parts, shades, usable

WINDOW = 301
LENGTH = 400_000


@pytest.fixture
def genome(tmp_path, rng):
    codes = rng.integers(0, 4, (2, LENGTH), dtype=np.uint8)
    codes[0, 200_000:210_000] = 4
    texts = sequence.decode(sequence.from_codes(codes))
    (tmp_path / "g.fa").write_text(f">chr2\n{texts[0]}\n>chr4\n{texts[1]}\n")
    return Genome(tmp_path / "g.fa", make_intervals(["chr4"], [300_000], [320_000]))


def at(*places, width=WINDOW):
    chrom, start = [c for c, _ in places], [s for _, s in places]
    return make_intervals(chrom, start, [s + width for s in start])


def peaks_of(rng, n, genome):
    chrom = rng.choice(["chr2", "chr4"], n).astype(object)
    start = rng.integers(0, LENGTH - WINDOW, n)
    windows = make_intervals(chrom, start, start + WINDOW)
    rows, dropped = usable(genome, windows, ["chr2", "chr4"])
    return TestPeaks(windows.take(rows), windows, dropped)


def windows_of(part):
    places = [dict(i.split("=") for i in head.split(";")) for head in part.header]
    return make_intervals(
        [place["chr"] for place in places],
        [int(place["start"]) for place in places],
        [int(place["end"]) for place in places],
    )


def gaps_to(query, reference):
    """Return for each window the smallest number of bases to any reference (−1: they overlap)."""
    smallest = []
    for chrom, start, end in zip(query.chrom, query.start, query.end, strict=True):
        same = reference.chrom == chrom
        gap = np.maximum(reference.start[same] - end, start - reference.end[same])
        smallest.append(int(np.where(gap < 0, -1, gap).min(initial=10**9)))
    return np.array(smallest)


def test_windows_are_kept_apart_first_come_first_served():
    windows = at(("chr2", 300), ("chr2", 0), ("chr2", 301), ("chr4", 0), ("chr2", 602))
    # 0…301 overlaps 300…601 which came before; 301 does too; 602 stands clear.
    assert apart(windows).tolist() == [0, 3, 4]
    assert apart(at(("chr2", 0), ("chr2", 301))).tolist() == [0, 1]


def test_windows_with_n_on_the_blacklist_or_outside_are_dropped(genome):
    windows = at(
        ("chr2", 199_699),  # ends where the N begin
        ("chr2", 199_700),  # holds one
        ("chr4", 319_999),  # the blacklist's last base
        ("chr4", 320_000),
        ("chr4", LENGTH - 300),  # leaves the chromosome
        ("chr2", 199_500),  # overlaps the first
    )
    rows, dropped = usable(genome, windows, ["chr2", "chr4"])
    assert rows.tolist() == [0, 3]
    assert dropped == {"outside": 1, "blacklist or N": 2, "overlapping": 1}


def test_no_window_of_a_test_set_overlaps_another_and_distances_are_kept(genome, rng):
    peaks = {tf: peaks_of(rng, 60, genome) for tf in ("A", "B", "C")}
    positives, parts, report = genomic_parts(genome, "A", peaks, ["chr2", "chr4"], rng)
    n = len(positives)
    assert {name: len(part) for name, part in parts.items()} == {
        "shades": n,
        "aliens": report["backgrounds"]["aliens"]["count"],
        "random": 2 * n,
    }
    own = peaks["A"].own
    every = [windows_of(positives), *(windows_of(part) for part in parts.values())]
    for number, one in enumerate(every):
        assert len(apart(one)) == len(one)
        assert not overlaps_any(one, genome.blacklist).any()
        for other in every[number + 1 :]:
            assert not overlaps_any(one, other).any()
    assert (gaps_to(windows_of(parts["random"]), own) >= 300).all()
    assert (gaps_to(windows_of(parts["aliens"]), own) >= 300).all()
    beside = gaps_to(windows_of(parts["shades"]), windows_of(positives))
    assert ((beside >= 0) & (beside <= 600)).all()
    foreign = set(zip(*_place(peaks["B"].shown), strict=True)) | set(
        zip(*_place(peaks["C"].shown), strict=True)
    )
    assert set(zip(*_place(windows_of(parts["aliens"])), strict=True)) <= foreign
    assert report["backgrounds"]["random"]["gc_distance"] < 0.1
    for part in (positives, *parts.values()):
        assert (genome.fetch(windows_of(part)).codes == part.sequences.codes).all()
        assert (part.sequences.codes < 4).all()


def _place(windows):
    return windows.chrom.tolist(), windows.start.tolist()


def test_shades_lie_300_to_600_bp_from_their_own_positive(genome, rng):
    positives = at(*[("chr4", 10_000 * k) for k in range(1, 29)])
    found = shades(genome, positives, positives, 1, rng)
    gaps = gaps_to(found, positives)
    assert len(found) == 28
    assert gaps.min() >= 300
    assert gaps.max() <= 600
    sides = np.sign(found.start - positives.start[found.start.argsort().argsort()])
    assert len(set(sides.tolist())) == 2


def test_a_positive_without_room_gets_no_shade(genome, rng):
    positives = at(("chr4", 299_000))
    wall = at(("chr4", 297_000), ("chr4", 299_301), width=1_999)
    assert len(shades(genome, positives, wall, 1, rng)) == 0


def test_aliens_near_a_peak_of_any_replicate_are_dropped(genome, rng):
    shown = at(("chr2", 50_000), ("chr2", 90_000))
    whole = make_intervals(["chr2"], [149_000], [150_000])  # a wide peak of another replicate
    own = TestPeaks(shown, whole)
    others = at(
        ("chr2", 50_600),  # 299 bp beyond the end of a positive
        ("chr2", 90_601),  # 300 bp
        ("chr2", 150_299),  # 299 bp beyond the wide peak
        ("chr2", 150_300),
    )
    peaks = {"A": own, "B": TestPeaks(others, others)}
    _, parts, report = genomic_parts(genome, "A", peaks, ["chr2", "chr4"], rng)
    dropped = report["backgrounds"]["aliens"]["dropped"]
    # The one 300 bp away can have lost its place to a shade.
    assert dropped["near"] == 2
    assert "aliens" not in parts or set(windows_of(parts["aliens"]).start) <= {90_601, 150_300}


def test_a_tf_alone_has_no_aliens(genome, rng):
    peaks = {"A": peaks_of(rng, 20, genome)}
    _, parts, report = genomic_parts(genome, "A", peaks, ["chr2", "chr4"], rng)
    assert set(parts) == {"shades", "random"}
    assert report["backgrounds"]["aliens"]["count"] == 0


def test_a_negative_never_has_the_sequence_of_a_positive(tmp_path, rng):
    codes = rng.integers(0, 4, (1, 60_000), dtype=np.uint8)
    for start in (10_000, 30_000):  # the same window at two places, on opposite strands
        codes[0, start : start + WINDOW] = codes[0, 1_000 : 1_000 + WINDOW]
    one = sequence.from_codes(codes[:, 1_000 : 1_000 + WINDOW])
    codes[0, 30_000 : 30_000 + WINDOW] = sequence.reverse_complement(one).codes[0]
    text = sequence.decode(sequence.from_codes(codes))[0]
    (tmp_path / "g.fa").write_text(f">chr2\n{text}\n")
    genome = Genome(tmp_path / "g.fa")
    shown, others = at(("chr2", 1_000), ("chr2", 10_000)), at(("chr2", 30_000), ("chr2", 45_000))
    peaks = {"A": TestPeaks(shown, shown), "B": TestPeaks(others, others)}
    positives, parts, report = genomic_parts(genome, "A", peaks, ["chr2"], rng)
    assert len(positives) == 1
    assert report["positives"]["dropped"]["repeated sequence"] == 1
    assert report["backgrounds"]["aliens"]["dropped"] == {"sequence of a positive": 1}
    assert windows_of(parts["aliens"]).start.tolist() == [45_000]


def test_a_background_has_each_sequence_once(tmp_path, rng):
    codes = rng.integers(0, 4, (1, 60_000), dtype=np.uint8)
    codes[0, 30_000 : 30_000 + WINDOW] = codes[0, 20_000 : 20_000 + WINDOW]
    text = sequence.decode(sequence.from_codes(codes))[0]
    (tmp_path / "g.fa").write_text(f">chr2\n{text}\n")
    shown, others = at(("chr2", 1_000), ("chr2", 3_000)), at(("chr2", 20_000), ("chr2", 30_000))
    peaks = {"A": TestPeaks(shown, shown), "B": TestPeaks(others, others)}
    _, parts, report = genomic_parts(Genome(tmp_path / "g.fa"), "A", peaks, ["chr2"], rng)
    aliens = report["backgrounds"]["aliens"]
    assert (len(parts["aliens"]), aliens["count"]) == (1, 1)
    assert aliens["dropped"] == {"repeated sequence": 1}
