"""Wall time and memory of GC-matched negatives from a human-sized genome.

    python benchmarks/negatives.py [--scale 0.1] [--negatives 100000]

Writes a random FASTA of 24 chromosomes (3.1 Gbp times the scale) with GC-rich islands and runs of
N into a temporary folder, indexes it, draws 301-bp negatives that follow GC-rich positives, prints
the figures, and removes the folder.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from dann_tfbs.data.genome import Genome
from dann_tfbs.data.intervals import Intervals, make_intervals
from dann_tfbs.data.negatives.genomic import gc_matched_genome

# Lengths of the human chromosomes 1 to 22, X and Y (GRCh38), in Mbp.
MEGABASES = [249, 242, 198, 190, 182, 171, 159, 145, 138, 134, 135, 133]
MEGABASES += [114, 107, 102, 90, 83, 80, 59, 64, 47, 51, 156, 57]
LINE = 60
STRETCH = 6000  # bases of one GC content
WINDOW = 301
LETTERS = np.frombuffer(b"TAGC", dtype=np.uint8)


def write_genome(path: Path, scale: float, rng: np.random.Generator) -> None:
    with open(path, "wb") as handle:
        for number, megabases in enumerate(MEGABASES, start=1):
            handle.write(f">chr{number}\n".encode())
            stretches = int(megabases * 1e6 * scale) // STRETCH
            for first in range(0, stretches, 2000):
                handle.write(_lines(min(2000, stretches - first), rng))


def _lines(stretches: int, rng: np.random.Generator) -> bytes:
    gc = rng.beta(10, 14, size=stretches) * 256
    draws = rng.integers(0, 256, size=(stretches, STRETCH), dtype=np.uint8)
    strong = (draws < gc[:, None]).view(np.uint8)
    letters = LETTERS[2 * strong + (draws & 1)]
    letters[rng.random(stretches) < 0.05] = ord("N")
    lines = np.full((stretches * STRETCH // LINE, LINE + 1), ord("\n"), dtype=np.uint8)
    lines[:, :LINE] = letters.reshape(-1, LINE)
    return lines.tobytes()


def gc_rich_positives(genome: Genome, n: int, rng: np.random.Generator) -> Intervals:
    names, lengths = list(genome.lengths), np.array(list(genome.lengths.values()))
    which = rng.integers(len(names), size=n)
    start = (rng.random(n) * (lengths[which] - WINDOW)).astype(np.int64)
    windows = make_intervals(np.array(names, dtype=object)[which], start, start + WINDOW)
    codes = genome.fetch(windows).codes
    gc = ((codes == 1) | (codes == 2)).mean(axis=1)
    return windows.take(gc > np.quantile(gc, 0.8))


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=0.1, help="share of 3.1 Gbp")
    parser.add_argument("--negatives", type=int, default=100_000)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "genome.fa"
        started = time.perf_counter()
        write_genome(path, options.scale, rng)
        written = time.perf_counter()
        size = sum(Genome(path).lengths.values())
        indexed = time.perf_counter()
        print(f"genome {size / 1e9:.2f} Gbp: written {written - started:.1f} s, "
              f"indexed {indexed - written:.1f} s (once)")  # fmt: skip
        positives = gc_rich_positives(Genome(path), 20_000, rng)
        genome = Genome(path)
        started, cpu = time.perf_counter(), time.process_time()
        sampled = gc_matched_genome(
            genome, positives, WINDOW, options.negatives, list(genome.lengths), rng
        )
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        print(f"{sampled.report['count']} negatives in {seconds:.1f} s ({cpu:.1f} s of a core)")
        print(f"peak {peak_mib():.0f} MiB, GC distance {sampled.report['gc_distance']:.3f}")


if __name__ == "__main__":
    main()
