import os
from pathlib import Path

import numpy as np
import pytest

from dann_tfbs.data.load import load_source
from dann_tfbs.data.records import NO_CYCLE
from dann_tfbs.data.sources import SourceFile, discover
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import decode, encode

DATA = Path(os.environ.get("DANN_TFBS_DATA", "../shared/data"))


class TextGenome:
    """A genome in memory: enough to see which bases a window takes."""

    def __init__(self, **chromosomes):
        self.chromosomes = chromosomes
        self.lengths = {name: len(text) for name, text in chromosomes.items()}

    def fetch(self, intervals):
        if unknown := set(intervals.chrom.tolist()) - set(self.lengths):
            raise InputError(f"unknown {unknown}", remedy="Check the names.")
        columns = zip(intervals.chrom, intervals.start, intervals.end, strict=True)
        return encode([self.chromosomes[chrom][start:end] for chrom, start, end in columns])


def source(path, assay, text=None, **more):
    if text is not None:
        path.write_text(text)
    known = {"tf": "MYC", "replicate": None, "cycle": None, "role": "positive", **more}
    return SourceFile(path, assay=assay, **known)


def test_peaks_become_windows_and_those_that_leave_the_chromosome_are_counted(tmp_path):
    genome = TextGenome(chr1="AACCGGTTAC", chr2="TTTTT")
    # Summits 4, 0 and 9 of chr1 and 2 of chr2; a window of 5 takes two bases on either side.
    text = "chr1\t3\t6\nchr1\t0\t1\nchr1\t9\t10\nchr2\t1\t4\n"
    loaded = load_source(source(tmp_path / "p.v1.bed", "CHS", text), genome, window=5)
    assert decode(loaded.records.sequences) == ["CCGGT", "TTTTT"]
    assert loaded.records.intervals.chrom.tolist() == ["chr1", "chr2"]
    assert loaded.records.intervals.start.tolist() == [2, 0]
    assert loaded.records.intervals.end.tolist() == [7, 5]
    assert loaded.dropped == {"window leaves the chromosome": 2}
    assert loaded.records.group.tolist() == ["p.v1", "p.v1"]
    assert loaded.records.cycle.tolist() == [NO_CYCLE] * 2


def test_peaks_without_genome_or_of_another_assembly(tmp_path):
    peaks = source(tmp_path / "p.bed", "GHTS", "chr1\t0\t4\nchr1\t3\t60\n")
    with pytest.raises(InputError, match=r"p\.bed: holds peaks.*--genome"):
        load_source(peaks)
    with pytest.raises(
        InputError, match=r"p\.bed:2: the peak ends at 60, but chr1 has 10 bp.*asse"
    ):
        load_source(peaks, TextGenome(chr1="A" * 10))
    with pytest.raises(InputError, match="unknown"):
        load_source(peaks, TextGenome(chr2="A" * 10))
    with pytest.raises(InputError, match=r"nothing is left.*window leaves the chromosome: 1"):
        load_source(source(tmp_path / "q.bed", "CHS", "chr1\t0\t4\n"), TextGenome(chr1="A" * 10))


def test_genomic_fasta_keeps_intervals_only_when_all_headers_have_one(tmp_path):
    both = ">chr1:5-9\nACGT\n>x chr=chr2;start=1;end=4\nGGG\n"
    records = load_source(source(tmp_path / "a.fa", "CHS", both)).records
    assert decode(records.sequences) == ["ACGT", "GGG"]
    assert records.intervals.chrom.tolist() == ["chr1", "chr2"]
    assert records.intervals.start.tolist() == [5, 1]
    one = ">chr1:5-9\nACGT\n>seq_2\nGGG\n>seq_3\n"
    loaded = load_source(source(tmp_path / "b.fa", "CHS", one))
    assert loaded.records.intervals is None
    assert loaded.dropped == {"empty sequence": 1}
    assert decode(loaded.records.sequences) == ["ACGT", "GGG"]


def test_reads_carry_replicate_and_cycle(tmp_path):
    text = "@a\nACGT\n+\nIIII\n@b\n\n+\n\n"
    loaded = load_source(source(tmp_path / "a.fq", "HTS", text, replicate=0, cycle=3))
    assert decode(loaded.records.sequences) == ["ACGT"]
    assert loaded.records.group.tolist() == ["R0"]
    assert loaded.records.cycle.tolist() == [3]
    assert np.isnan(loaded.records.signal).all()
    assert loaded.dropped == {"empty sequence": 1}


def test_arrays_carry_their_signal(tmp_path):
    text = (
        "#control\tpbm_sequence\tmean_signal_intensity\tflag\n"
        "FALSE\tACGT\t2.5\t0\nTRUE\tACGG\t9\t0\nFALSE\tACGC\t9\t1\n"
    )
    loaded = load_source(source(tmp_path / "SD_1.tsv", "PBM", text))
    assert decode(loaded.records.sequences) == ["ACGT"]
    assert loaded.records.signal.tolist() == [2.5]
    assert loaded.records.group.tolist() == ["SD_1"]
    assert loaded.dropped == {"control spot": 1, "flagged spot": 1}


def test_unlabelled_probes_may_come_as_fasta(tmp_path):
    probes = source(tmp_path / "p.fasta", "PBM", ">HK1 id_spot=1\nACGT\n", role="target")
    assert decode(load_source(probes).records.sequences) == ["ACGT"]


@pytest.mark.skipif(not DATA.is_dir(), reason="no real data: set DANN_TFBS_DATA")
def test_real_files_of_each_assay_load_whole():
    counts = {}
    for real in discover(DATA):
        if real.tf in ("FOXA1", "PRDM13", "NRF1"):
            loaded = load_source(real)
            assert loaded.dropped == {}
            counts[f"{real.assay} {real.path.name}"] = len(loaded.records)
    assert counts["PBM RAW_UNIPROBEFOXA1REF.tsv.gz"] == 41_655
    assert counts["SMS UT380-154.fastq.gz"] == 116_606
    assert counts["CHS ENCODE_HepG2_train.fasta.gz"] == 42_614
    assert counts["HTS NRF1_R0_C4_lf5_rf3.fastq.gz"] == 19_854
    assert counts["HTS NRF1_R0_C0_lf5_rf3.fastq.gz"] == 56_188
