"""Wall time by stage, and memory, of preparing a whole TF.

    python benchmarks/prepare.py [--scale 0.1] [--positives 50000] [--ratio 10] [--repeats 1]

Makes a random genome (3.1 Gbp times the scale), ChIP-seq peaks on it, and HT-SELEX reads with their
unselected library, all in a temporary folder. Then it runs the real `prepare` in a fresh process an
assay: CHS with negatives out of the genome, split by chromosome; HTS with reads of the library,
split by hash.
"""

from __future__ import annotations

import argparse
import gzip
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from negatives import write_genome

from dann_tfbs.data import prepare as module
from dann_tfbs.data.genome import Genome
from dann_tfbs.data.recipe import Recipe
from dann_tfbs.sequence import LETTERS

READ = 40
STAGES = {
    "collect_positives": "read the positives",
    "draw_negatives": "draw the negatives",
    "assign_splits": "split",
    "_labelled_table": "make the table",
    "quality_report": "quality report",
    "_digests": "digests of the files read",
    "write_table": "write Parquet",
    "draw_quality": "quality figure",
}


def peak_mib() -> float:
    """Return the largest memory of this process; unlike ru_maxrss it owes nothing to its parent."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not tell the peak memory of a process")


class Measured(NamedTuple):
    """What a call in a process of its own gave and took."""

    result: Any
    seconds: float
    cpu_seconds: float
    peak_mib: float


def in_child(function: Callable[..., Any], *arguments: Any) -> Measured:
    """Call a function of a module in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        measured = pool.apply(_measured, (function, arguments))
        pool.close()
        pool.join()
    return measured


def _measured(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Measured:
    started, cpu = time.perf_counter(), time.process_time()
    result = function(*arguments)
    seconds = time.perf_counter() - started
    return Measured(result, seconds, time.process_time() - cpu, peak_mib())


def write_peaks(path: Path, genome: Genome, n: int, rng: np.random.Generator) -> None:
    """Write n BED peaks of 200 to 600 bp at random places of the genome."""
    names, lengths = list(genome.lengths), np.array(list(genome.lengths.values()))
    which = rng.choice(len(names), size=n, p=lengths / lengths.sum())
    width = rng.integers(200, 601, size=n)
    start = (rng.random(n) * (lengths[which] - 2000)).astype(np.int64) + 1000
    with open(path, "w") as handle:
        for chrom, first, size in zip(which, start, width, strict=True):
            handle.write(f"{names[chrom]}\t{first}\t{first + size}\n")


def write_reads(path: Path, n: int, rng: np.random.Generator) -> None:
    """Write n random reads as FASTQ.gz."""
    letters = np.frombuffer(LETTERS.encode(), dtype=np.uint8)
    with gzip.open(path, "wb", compresslevel=1) as handle:
        for first in range(0, n, 50_000):
            rows = min(50_000, n - first)
            reads = letters[rng.integers(0, 4, size=(rows, READ))]
            qualities = rng.integers(35, 74, size=(rows, READ), dtype=np.uint8)
            handle.write(
                b"".join(
                    b"@read.%d\n%s\n+\n%s\n" % (first + row, read.tobytes(), quality.tobytes())
                    for row, (read, quality) in enumerate(zip(reads, qualities, strict=True))
                )
            )


@contextmanager
def _timed(seconds: dict[str, float]) -> Iterator[None]:
    """Add up the time that each stage of `prepare` takes."""
    real = {name: getattr(module, name) for name in STAGES}

    def timing(name: str) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            started = time.perf_counter()
            try:
                return real[name](*arguments, **options)
            finally:
                seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - started

        return timed

    try:
        for name in STAGES:
            setattr(module, name, timing(name))
        yield
    finally:
        for name, function in real.items():
            setattr(module, name, function)


def prepare_timed(recipe: dict[str, Any], out: Path) -> tuple[int, dict[str, float]]:
    """Run `prepare`; return its number of rows and the seconds of each stage."""
    seconds: dict[str, float] = {}
    with _timed(seconds):
        manifest = module.prepare(Recipe.model_validate(recipe), out)
    return manifest["rows"], seconds


def recipes(folder: Path, scale: float, positives: int, ratio: float) -> dict[str, dict[str, Any]]:
    """Make the raw files; return a recipe for each assay."""
    rng = np.random.default_rng(0)
    genome = folder / "genome.fa"
    write_genome(genome, scale, rng)
    write_peaks(folder / "peaks.bed", Genome(genome), positives, rng)
    write_reads(folder / "TF_R0_C3.fastq.gz", positives, rng)
    write_reads(folder / "TF_R0_C0.fastq.gz", round(positives * ratio * 2), rng)
    sheet = folder / "sheet.tsv"
    sheet.write_text(
        "path\ttf\tassay\treplicate\tcycle\trole\n"
        "peaks.bed\tTF\tCHS\t\t\tpositive\n"
        "TF_R0_C3.fastq.gz\tTF\tHTS\t0\t3\tpositive\n"
        "TF_R0_C0.fastq.gz\tTF\tHTS\t0\t0\tinput\n"
    )
    same = {"tf": "TF", "sheet": sheet, "ratio": ratio}
    return {
        "CHS": {**same, "assays": ("CHS",), "genome": genome},
        "HTS": {**same, "assays": ("HTS",)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=0.1, help="share of 3.1 Gbp")
    parser.add_argument("--positives", type=int, default=50_000)
    parser.add_argument("--ratio", type=float, default=10, help="negatives a positive")
    parser.add_argument("--repeats", type=int, default=1, help="runs an assay, in turn")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = recipes(folder, options.scale, options.positives, options.ratio)
        runs: dict[str, list[Measured]] = {assay: [] for assay in made}
        for _ in range(options.repeats):
            for assay, recipe in made.items():
                runs[assay].append(in_child(prepare_timed, recipe, folder / f"table-{assay}"))
        for assay, found in runs.items():
            print(f"{assay}: {found[0].result[0]} rows in {median(r.seconds for r in found):.1f} s "
                  f"({median(r.cpu_seconds for r in found):.1f} s of a core), "
                  f"peak {max(r.peak_mib for r in found):.0f} MiB")  # fmt: skip
            for stage, what in STAGES.items():
                print(f"  {median(r.result[1][stage] for r in found):6.2f} s  {what}")


if __name__ == "__main__":
    main()
