"""Raw assay files in the formats of IBIS, written in large blocks and the same for equal data."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.simulation.genome import Chromosome
from dann_tfbs.simulation.peaks import Peaks

_LINE = 60
_READS_AT_ONCE = 50_000
_LETTERS = np.frombuffer(sequence.LETTERS.encode(), dtype=np.uint8)

PEAKS_HEADER = (
    "#CHROM\tSTART\tEND\tabs_summit\tpileup\t-log10(pvalue)\tfold_enrichment\t-log10(qvalue)"
    "\tname\tsupporting_peakcallers\n"
)
# Real files repeat their header in mid-file, with stray spaces: readers must cope.
_STRAY_HEADER = PEAKS_HEADER.replace("START\tEND", " START\tEND ")
_CALLERS = np.array(["macs2", "macs2,cpics", "macs2,gem", "macs2,cpics,gem,sissrs"])

SPOTS_PER_ROW = 192
PBM_HEADER = (
    "#id_spot\trow\tcol\tcontrol\tid_probe\tpbm_sequence\tlinker_sequence"
    "\tmean_signal_intensity\tmean_background_intensity\tflag\n"
)


def write_genome(path: Path, genome: Sequence[Chromosome]) -> None:
    """Write chromosomes as FASTA with lines of 60 letters."""
    with path.open("wb") as out:
        for chromosome in genome:
            letters = _LETTERS[chromosome.codes]
            full = len(letters) // _LINE * _LINE
            lines = np.full((full // _LINE, _LINE + 1), ord("\n"), dtype=np.uint8)
            lines[:, :_LINE] = letters[:full].reshape(-1, _LINE)
            out.write(f">{chromosome.name}\n".encode())
            out.write(lines.tobytes())
            if full < len(letters):
                out.write(letters[full:].tobytes() + b"\n")


def write_fastq(path: Path, codes: NDArray[np.uint8]) -> None:
    """Write reads of one length as FASTQ, gzip-compressed without a time stamp.

    Parameters
    ----------
    path
        A name that ends in `.fastq.gz`; its folder is made.
    codes
        `uint8`, shape (n, length). Qualities are placeholders.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    digits = len(str(len(codes)))
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as out:
        for start in range(0, len(codes), _READS_AT_ONCE):
            part = codes[start : start + _READS_AT_ONCE]
            number = np.arange(start + 1, start + len(part) + 1)
            name = number[:, None] // 10 ** np.arange(digits)[::-1] % 10 + ord("0")
            columns = [
                _constant(b"@read", len(part)),
                name.astype(np.uint8),
                _constant(b"\n", len(part)),
                _LETTERS[part],
                _constant(b"\n+\n" + b"I" * part.shape[1] + b"\n", len(part)),
            ]
            out.write(np.concatenate(columns, axis=1).tobytes())


def _constant(text: bytes, n: int) -> NDArray[np.uint8]:
    return np.broadcast_to(np.frombuffer(text, dtype=np.uint8), (n, len(text)))


def write_peaks(
    path: Path, genome: Sequence[Chromosome], peaks: Peaks, rng: np.random.Generator
) -> None:
    """Write peaks in the ten columns of IBIS, with a second header line in mid-file.

    Parameters
    ----------
    path
        The file; its folder is made.
    genome
        The chromosomes that `peaks` numbers.
    peaks
        Summits and strengths. Widths are log-normal (median 250 bp), the summit off the middle.
    rng
        Source of randomness.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    n = len(peaks)
    width = np.exp(rng.normal(np.log(250), 0.3, n)).clip(80, 900)
    start = np.maximum(peaks.summit - (width * rng.uniform(0.35, 0.65, n)).astype(int), 0)
    end = np.maximum(start + width.astype(int), peaks.summit + 1)
    fold = 1 + 20 * peaks.strength / np.median(peaks.strength)
    callers = _CALLERS[rng.integers(0, len(_CALLERS), n)]
    with path.open("w", encoding="ascii") as out:
        out.write(PEAKS_HEADER)
        for row in range(n):
            if row == n // 2:
                out.write(_STRAY_HEADER)
            name = genome[peaks.chrom[row]].name
            out.write(
                f"{name}\t{start[row]}\t{end[row]}\t{peaks.summit[row]}\t{3 * fold[row]:.1f}"
                f"\t{2 * fold[row]:.3f}\t{fold[row]:.3f}\t{1.5 * fold[row]:.3f}"
                f"\tpeak_{row + 1}\t{callers[row]}\n"
            )


def write_pbm(
    path: Path,
    names: Sequence[str],
    probes: NDArray[np.uint8],
    linker: str,
    signal: NDArray[np.float64],
    background: NDArray[np.float64],
    control: NDArray[np.bool_],
    flagged: NDArray[np.bool_],
) -> None:
    """Write an array in the ten columns of IBIS, in the given order of spots.

    Parameters
    ----------
    path
        The file; its folder is made.
    names, probes, linker
        Probe names, codes of shape (n, 35), and the sequence that all share.
    signal, background
        Intensities, shape (n,).
    control, flagged
        Which spots are controls, and which are bad.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = sequence.decode(sequence.from_codes(probes))
    with path.open("w", encoding="ascii") as out:
        out.write(PBM_HEADER)
        for spot, (name, text) in enumerate(zip(names, texts, strict=True)):
            row, column = divmod(spot, SPOTS_PER_ROW)
            out.write(
                f"{spot + 1}\t{row + 1}\t{column + 1}\t{str(bool(control[spot])).upper()}\t{name}"
                f"\t{text}\t{linker}\t{signal[spot]:.4f}\t{background[spot]:.1f}"
                f"\t{int(flagged[spot])}\n"
            )
