"""How fast raw files are read, against what merely unpacks or parses them.

    python benchmarks/reading.py [--records 500000] [--repeats 5]

Writes random files into a temporary folder and reads each in turn by our reader and by the other
side; the sides alternate, and the figures are medians.

* FASTQ.gz and FASTA.gz: against `xopen` on top of isal, as dnaio uses it, which only decompresses.
* Microarray table and peaks: against `pyarrow.csv`, which only parses, without a check.

A share of 0.5 means that our reader, decompression or parsing included, takes twice as long.
"""

from __future__ import annotations

import argparse
import gzip
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from prepare import write_reads
from pyarrow import csv
from xopen import xopen

from dann_tfbs.data.readers.fasta import read_fasta
from dann_tfbs.data.readers.fastq import read_fastq
from dann_tfbs.data.readers.pbm import read_pbm
from dann_tfbs.data.readers.peaks import read_peaks
from dann_tfbs.sequence import LETTERS

BLOCK = 1 << 20
Side = Callable[[Path], int]


def decompress(path: Path) -> int:
    total = 0
    with xopen(path, "rb", threads=0) as handle:
        while block := handle.read(BLOCK):
            total += len(block)
    return total


def parse(path: Path) -> int:
    return csv.read_csv(
        path,
        csv.ReadOptions(use_threads=False),
        csv.ParseOptions(delimiter="\t", quote_char=False),
    ).num_rows


def ours_fastq(path: Path) -> int:
    return sum(len(batch) for batch in read_fastq(path))


def ours_fasta(path: Path) -> int:
    return sum(len(chunk.names) for chunk in read_fasta(path))


def write_fasta(path: Path, n: int, rng: np.random.Generator) -> None:
    letters = np.frombuffer(LETTERS.encode(), dtype=np.uint8)
    with gzip.open(path, "wb", compresslevel=1) as handle:
        for first in range(0, n, 50_000):
            reads = letters[rng.integers(0, 4, size=(min(50_000, n - first), 100))]
            handle.write(
                b"".join(
                    b">seq%d\n%s\n" % (first + row, read.tobytes())
                    for row, read in enumerate(reads)
                )
            )


def write_pbm(path: Path, n: int, rng: np.random.Generator) -> None:
    letters = np.frombuffer(LETTERS.encode(), dtype=np.uint8)
    probes = letters[rng.integers(0, 4, size=(n, 35))]
    signal, background = rng.lognormal(7, 1, size=(2, n))
    with open(path, "w") as handle:
        handle.write(
            "id_spot\trow\tcol\tcontrol\tid_probe\tpbm_sequence\tlinker_sequence\t"
            "mean_signal_intensity\tmean_background_intensity\tflag\n"
        )
        for i, probe in enumerate(probes):
            handle.write(
                f"{i + 1}\t{i // 170}\t{i % 170}\tFALSE\tprobe{i:06d}\t{probe.tobytes().decode()}\t"
                f"CCTGTGTGAAATTGTTATCCGCTCT\t{signal[i]:.4f}\t{background[i]:.4f}\t0\n"
            )


def write_peaks(path: Path, n: int, rng: np.random.Generator) -> None:
    start = np.sort(rng.integers(0, 200_000_000, size=n))
    with open(path, "w") as handle:
        handle.write("#CHROM\tSTART\tEND\tabs_summit\tpileup\t-log10(pvalue)\tfold\tname\n")
        for i, first in enumerate(start.tolist()):
            handle.write(
                f"chr{1 + i * 22 // n}\t{first}\t{first + 400}\t{first + 180}\t"
                f"{20 + i % 70}.0\t{5 + i % 11}.25\t{2 + i % 7}.5\tpeak_{i}\n"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=500_000, help="reads or rows in each file")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    files: dict[str, tuple[str, Callable[..., None], Side, Side]] = {
        "FASTQ.gz": ("reads.fastq.gz", write_reads, ours_fastq, decompress),
        "FASTA.gz": ("sequences.fasta.gz", write_fasta, ours_fasta, decompress),
        "PBM table": ("array.tsv", write_pbm, lambda path: len(read_pbm(path)), parse),
        "peaks": ("some.peaks", write_peaks, lambda path: len(read_peaks(path)), parse),
    }
    with tempfile.TemporaryDirectory() as folder:
        for what, (name, write, ours, theirs) in files.items():
            path = Path(folder) / name
            write(path, options.records, rng)
            seconds: dict[Side, list[float]] = {ours: [], theirs: []}
            for _ in range(options.repeats):
                for side in (ours, theirs):
                    started = time.perf_counter()
                    side(path)
                    seconds[side].append(time.perf_counter() - started)
            mine, other = (statistics.median(seconds[side]) for side in (ours, theirs))
            print(f"{what:10} {other / mine:5.2f} of the other side's speed "
                  f"({mine:.3f} s against {other:.3f} s, "
                  f"{options.records / mine / 1e6:.2f} million records/s)")  # fmt: skip


if __name__ == "__main__":
    main()
