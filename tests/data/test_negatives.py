import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dann_tfbs.data.genome import Genome
from dann_tfbs.data.intervals import make_intervals
from dann_tfbs.data.negatives.genomic import gc_matched_genome, random_genome, shades
from dann_tfbs.data.negatives.mixing import mix
from dann_tfbs.data.negatives.pools import aliens, from_pool, shuffled
from dann_tfbs.data.negatives.positions import free_starts
from dann_tfbs.data.overlap import overlaps_any
from dann_tfbs.data.records import make_records
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import decode, encode, gc_content, reverse_complement

WINDOW = 101


def rng(seed=0):
    return np.random.default_rng(seed)


def random_dna(length, gc, generator):
    return "".join(
        generator.choice(list("ACGT"), length, p=[(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2])
    )


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    """Two chromosomes of 60 and 30 kb; every other kb is GC-rich; 2 kb of N in the first."""
    generator = rng(1)
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    with open(path, "w") as handle:
        for name, kilobases in (("chr1", 60), ("chr2", 30)):
            text = [random_dna(1000, 0.65 if i % 2 else 0.35, generator) for i in range(kilobases)]
            if name == "chr1":
                text[10] = text[11] = "N" * 1000
            handle.write(f">{name}\n{''.join(text)}\n")
    blacklist = make_intervals(["chr1"], [40_000], [45_000])
    return Genome(path, blacklist)


def gc_rich_positives():
    start = np.arange(1300, 60_000, 6000)
    return make_intervals(["chr1"] * len(start), start, start + 301)


def check_placement(sampled, genome, forbidden, distance):
    where = sampled.records.intervals
    assert decode(sampled.records.sequences) == decode(genome.fetch(where))
    assert not any("N" in text for text in decode(sampled.records.sequences))
    assert not overlaps_any(where, forbidden, distance).any()
    assert not overlaps_any(where, genome.blacklist).any()
    assert len(set(zip(where.chrom, where.start, strict=True))) == len(where)
    assert (where.end - where.start == WINDOW).all()


@pytest.mark.parametrize("sampler", [random_genome, gc_matched_genome])
def test_genome_windows_keep_clear(genome, sampler):
    positives = gc_rich_positives()
    exclude = make_intervals(["chr2"], [10_000], [20_000])
    sampled = sampler(genome, positives, WINDOW, 2000, ["chr1", "chr2"], rng(), exclude)
    check_placement(sampled, genome, positives, 300)
    assert not overlaps_any(sampled.records.intervals, exclude, 300).any()
    assert sampled.report["count"] == len(sampled.records) == 2000


def test_only_the_given_chromosomes(genome):
    sampled = random_genome(genome, gc_rich_positives(), WINDOW, 100, ["chr2"], rng())
    assert set(sampled.records.intervals.chrom) == {"chr2"}


def test_random_windows_follow_the_genome_and_matched_ones_the_positives(genome):
    args = (genome, gc_rich_positives(), WINDOW, 500, ["chr1", "chr2"])
    plain, matched = random_genome(*args, rng()), gc_matched_genome(*args, rng())
    assert gc_content(plain.records.sequences).mean() == pytest.approx(0.5, abs=0.03)
    assert gc_content(matched.records.sequences).mean() == pytest.approx(0.65, abs=0.03)
    assert matched.report["gc_distance"] < 0.01 < 0.3 < plain.report["gc_distance"]


def test_free_positions_are_equally_likely():
    # 20 bp, window 3, [8, 12) forbidden: starts 0 … 5 and 12 … 17.
    free = free_starts(20, 3, np.array([8]), np.array([12]))
    assert len(free) == 12
    generator = rng()
    drawn = np.concatenate([free.draw(5, generator) for _ in range(6000)])
    counts = np.bincount(drawn, minlength=20)
    assert counts[6:12].sum() == counts[18:].sum() == 0
    possible = counts[[*range(6), *range(12, 18)]]
    assert np.abs(possible - 2500).max() < 200  # 2500 ± 38 expected


@given(
    st.integers(1, 40),
    st.integers(1, 8),
    st.lists(st.tuples(st.integers(-10, 45), st.integers(1, 10)), max_size=5),
    st.data(),
)
def test_free_positions_are_those_that_touch_nothing(length, window, regions, data):
    start = np.array([s for s, _ in regions], dtype=np.int64)
    end = start + np.array([w for _, w in regions], dtype=np.int64)
    expected = [
        s
        for s in range(length - window + 1)
        if all(s + window <= a or s >= b for a, b in zip(start, end, strict=True))
    ]
    free = free_starts(length, window, start, end)
    assert free.draw(len(free), rng()).tolist() == expected
    n = data.draw(st.integers(0, len(expected)))
    some = free.draw(n, rng()).tolist()
    assert len(set(some)) == n
    assert set(some) <= set(expected)


def test_too_few_positions_is_an_error(genome):
    with pytest.raises(
        InputError, match=r"100000 windows of 101 bp.*chr2 have 29900 allowed.*fewer"
    ):
        random_genome(genome, gc_rich_positives(), WINDOW, 100_000, ["chr2"], rng())
    with pytest.raises(InputError, match="have 0 allowed positions"):
        gc_matched_genome(genome, gc_rich_positives(), 30_001, 1, ["chr2"], rng())
    with pytest.raises(InputError, match="chromosome '2' is not in the genome"):
        random_genome(genome, gc_rich_positives(), WINDOW, 1, ["2"], rng())


def test_every_allowed_position_can_be_drawn(genome):
    sampled = gc_matched_genome(genome, gc_rich_positives(), WINDOW, 29_900, ["chr2"], rng())
    assert sampled.records.intervals.start.tolist() == list(range(29_900))


def test_shades_lie_beside_their_peak(genome):
    positives = gc_rich_positives()
    sampled = shades(genome, positives, WINDOW, 50, rng())
    check_placement(sampled, genome, positives, 0)
    where = sampled.records.intervals
    for start, end in zip(where.start, where.end, strict=True):
        gaps = np.maximum(positives.start - end, start - positives.end)
        assert 300 <= gaps.min() <= 600
    on_the_left = (where.start[:, None] < positives.start).sum(axis=1)
    assert len(np.unique(on_the_left)) > 8  # positives take turns
    assert sampled.report["dropped"]["occupied"] > 0  # N and blacklist stand beside some


def test_shades_stop_where_there_is_no_room(genome):
    crowded = make_intervals(["chr2"] * 3, [0, 1000, 2000], [990, 1990, 29_990])
    with pytest.raises(InputError, match="shades: 5 negatives were asked for, but 0 were found"):
        shades(genome, crowded, WINDOW, 5, rng())


def texts_of(n, length, seed):
    generator = rng(seed)
    return [random_dna(length, 0.5, generator) for _ in range(n)]


def test_aliens_that_resemble_positives_are_dropped_and_counted():
    positive, *others = texts_of(30, 80, seed=2)
    resembling = others[0][:20] + positive[10:41] + others[0][51:]
    opposite = decode(reverse_complement(encode([positive])))[0]
    pool = [
        resembling,
        opposite,
        positive[:30] + others[1][30:],
        others[2],
        others[2],
        *others[3:9],
    ]
    sampled = aliens(make_records(encode(pool)), make_records(encode([positive])), 8, rng())
    assert sampled.report["dropped"] == {"overlapping": 0, "shared_kmer": 2, "repeated": 1}
    # A stretch of 30 bases is not enough: that alien stays.
    assert set(decode(sampled.records.sequences)) == {pool[2], pool[3], *pool[5:]}


def test_aliens_near_a_positive_are_dropped():
    texts = texts_of(4, 50, seed=3)
    pool = make_records(
        encode(texts[:3]),
        intervals=make_intervals(["chr1"] * 3, [0, 399, 400], [50, 449, 450]),
    )
    positives = make_records(encode(texts[3:]), intervals=make_intervals(["chr1"], [40], [100]))
    near = aliens(pool, positives, 1, rng(), distance=300)
    assert near.report["dropped"]["overlapping"] == 2
    assert near.records.intervals.start.tolist() == [400]
    assert aliens(pool, positives, 2, rng()).report["dropped"]["overlapping"] == 1


def test_a_short_pool_is_an_error_with_the_losses():
    pool = make_records(encode(texts_of(5, 40, seed=4)))
    with pytest.raises(InputError, match=r"aliens: 3 .* 2 candidates .*3 shared_kmer.*more candid"):
        aliens(pool, pool.take(slice(0, 3)), 3, rng())
    with pytest.raises(InputError, match=r"control: 6 .*, but 5 candidates are left\."):
        from_pool(pool, make_records(encode(["ACGT"])), 6, rng(), name="control")


def test_library_reads_are_deduplicated_and_never_positives():
    bound, *reads = texts_of(20, 20, seed=5)
    opposite = decode(reverse_complement(encode([reads[0]])))[0]
    pool = make_records(encode([bound, *reads, opposite]), group="R1", cycle=0)
    sampled = from_pool(pool, make_records(encode([bound])), 19, rng(), gc_match=False)
    assert sampled.report["dropped"] == {"positive": 1, "repeated": 1}
    assert sorted(decode(sampled.records.sequences)) == sorted(reads)
    assert set(sampled.records.cycle) == {0}


def test_library_reads_follow_the_gc_of_positives():
    generator = rng(6)
    pool = make_records(encode([random_dna(40, gc, generator) for gc in (0.3, 0.7) * 1000]))
    positives = make_records(encode([random_dna(40, 0.7, generator) for _ in range(200)]))
    matched = from_pool(pool, positives, 200, rng())
    plain = from_pool(pool, positives, 200, rng(), gc_match=False)
    assert matched.report["gc_distance"] < 0.05 < 0.3 < plain.report["gc_distance"]


def test_shuffles_use_positives_in_turn_and_are_none():
    texts = texts_of(3, 40, seed=7)
    sampled = shuffled(make_records(encode(texts), signal=np.ones(3)), 7, rng())
    letters = sorted("".join(sorted(text)) for text in decode(sampled.records.sequences))
    uses = [letters.count("".join(sorted(text))) for text in texts]
    assert sorted(uses) == [2, 2, 3]
    assert not set(decode(sampled.records.sequences)) & set(texts)
    assert np.isnan(sampled.records.signal).all()


def test_sequences_of_one_arrangement_cannot_be_shuffled():
    with pytest.raises(InputError, match=r"shuffled: 2 negatives.* 0 candidates.*positive"):
        shuffled(make_records(encode(["AAAAAAAA"])), 2, rng())
    with pytest.raises(InputError, match="shuffled: 2 negatives"):
        shuffled(make_records(encode([])), 2, rng())


def test_mixtures_follow_their_weights():
    pool = make_records(encode(texts_of(50, 40, seed=8)))
    positives = make_records(encode(texts_of(5, 40, seed=9)))
    samplers = {
        "aliens": (2, lambda n, generator: aliens(pool, positives, n, generator)),
        "shuffled": (1, lambda n, generator: shuffled(positives, n, generator)),
        "never": (0, lambda n, generator: 1 / 0),
    }
    mixed = mix(samplers, 10, rng())
    assert {name: part["count"] for name, part in mixed.report["parts"].items()} == {
        "aliens": 7,
        "shuffled": 3,
    }
    assert len(mixed.records) == mixed.report["count"] == 10
    assert decode(mixed.records.sequences) == decode(mix(samplers, 10, rng()).records.sequences)
    with pytest.raises(InputError, match=r"weights.*\{'never': 0\}.*above zero"):
        mix({"never": samplers["never"]}, 3, rng())


def test_equal_seeds_give_equal_windows(genome):
    def draw(seed):
        args = (genome, gc_rich_positives(), WINDOW, 50, ["chr1", "chr2"], rng(seed))
        return gc_matched_genome(*args).records.intervals.start

    assert (draw(1) == draw(1)).all()
    assert (draw(1) != draw(2)).any()
