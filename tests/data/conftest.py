"""A small data set in the IBIS layout, made from a fixed seed; tests must not change it."""

import numpy as np
import pytest

from dann_tfbs.data import prepare

CHROMOSOMES = {"chr1": 300_000, "chr2": 300_000, "chr3": 300_000, "chrM": 20_000}
PEAKS = {"chr1": 60, "chr2": 50, "chr3": 40, "chrM": 3}


def text(rng, n):
    return "".join(rng.choice(list("ACGT"), n))


def fastq(path, reads):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join(f"@r{i}\n{read}\n+\n{'I' * len(read)}\n" for i, read in enumerate(reads))
    )


def bed(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{chrom}\t{start}\t{start + 201}\n" for chrom, start in rows))


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """TF MYC beside MAX: 150 peaks on used chromosomes and 3 on chrM, reads of cycles 1 and 3 in
    two replicates with input and control, and an array of 3000 probes of which 50 are bound.
    """
    rng = np.random.default_rng(2024)
    root = tmp_path_factory.mktemp("ibis")
    genome = {name: text(rng, size) for name, size in CHROMOSOMES.items()}
    (root / "genome.fa").write_text("".join(f">{c}\n{bases}\n" for c, bases in genome.items()))
    # Every other slot of 2 kb holds a peak of MYC, the one between a peak of MAX.
    mine = [(c, 5_000 + 4_000 * i) for c, n in PEAKS.items() for i in range(n)]
    other = [(c, start + 2_000) for c, start in mine]
    bed(root / "train/CHS/MYC/first.bed", mine)
    bed(root / "train/CHS/MAX/second.bed", [*other, *mine[:5]])
    hts = root / "train/HTS"
    for replicate in (0, 1):
        for cycle, n in ((1, 90), (3, 60)):
            name = f"MYC_R{replicate}_C{cycle}_lf5ACG_rf3ACG.fastq"
            fastq(hts / "MYC" / name, [text(rng, 40) for _ in range(n)])
    fastq(hts / "MAX/MAX_R0_C3_lf5_rf3.fastq", [text(rng, 40) for _ in range(1500)])
    fastq(hts / "TBP/TBP_R0_C2_lf5_rf3.fastq", [text(rng, 40) for _ in range(1500)])
    library = root / "input/HTS"
    fastq(library / "MYC_R0_C0_lf5_rf3.fastq", [text(rng, 40) for _ in range(4000)])
    fastq(library / "CONTROL_R0_C3_lf5_rf3.fastq", [text(rng, 40) for _ in range(4000)])
    fastq(library / "CONTROL_R0_C1_lf5_rf3.fastq", [text(rng, 40) for _ in range(4000)])
    array = root / "train/PBM/MYC/SD_1.tsv"
    array.parent.mkdir(parents=True)
    signal = np.concatenate([np.linspace(5_000, 6_000, 50), rng.uniform(10, 20, 2_950)])
    rows = [f"FALSE\t{text(rng, 35)}\t{value:.6f}\t0\n" for value in signal]
    array.write_text("#control\tpbm_sequence\tmean_signal_intensity\tflag\n" + "".join(rows))
    return root


@pytest.fixture
def no_figure(monkeypatch):
    """Skip the figure, which takes most of the time."""
    monkeypatch.setattr(prepare, "draw_quality", lambda table, report, path: path.touch())
