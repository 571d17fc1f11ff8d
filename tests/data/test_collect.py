import shutil

import numpy as np
import pytest

from dann_tfbs.data.collect import collect_pool, collect_positives, collect_targets, first_of_each
from dann_tfbs.data.genome import Genome
from dann_tfbs.data.intervals import make_intervals
from dann_tfbs.data.recipe import Recipe
from dann_tfbs.data.records import NO_CYCLE, make_records
from dann_tfbs.data.sources import discover, read_sheet
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import decode, encode


def collected(package, assay, genome=None, **more):
    recipe = Recipe(tf="MYC", assays=(assay,), ibis_root=package, **more)
    return recipe, collect_positives(recipe, assay, discover(package), genome)


def pool(package, kind, genome=None, **more):
    assay = more.pop("assay", "HTS")
    recipe, found = collected(package, assay, genome, **more)
    return collect_pool(recipe, assay, kind, discover(package), genome, found.positives)


def test_a_sequence_counts_once_on_either_strand():
    found = make_records(encode(["AACC", "GGTT", "ACGT", "AACC", "AACA", "AAC"]))
    assert first_of_each(found).tolist() == [0, 2, 4, 5]


def test_reads_of_the_last_cycle_of_all_or_of_those_named(package):
    counts = {"last": 120, "all": 300, (1,): 180, (3, 1): 300}
    for cycles, n in counts.items():
        _, found = collected(package, "HTS", cycles=cycles)
        assert len(found.positives) == n
    _, found = collected(package, "HTS")
    assert set(found.positives.cycle.tolist()) == {3}
    assert set(found.positives.group) == {"R0", "R1"}
    with pytest.raises(InputError, match=r"cycles: MYC has no reads of the cycles 2.*cycles 1, 3"):
        collected(package, "HTS", cycles=(2,))


def test_files_by_pattern_and_what_there_is_instead(package):
    _, found = collected(package, "HTS", files="*_R1_*")
    assert [source.path.name for source in found.files] == ["MYC_R1_C3_lf5ACG_rf3ACG.fastq"]
    with pytest.raises(InputError, match=r"no HTS file of MYC whose name fits '\*R7\*'.*MYC_R0_C1"):
        collected(package, "HTS", files="*R7*")
    recipe = Recipe(tf="SOX2", assays=("HTS",), ibis_root=package)
    with pytest.raises(InputError, match="HTS files exist for: MAX, MYC, TBP; SOX2 has files of: "):
        collect_positives(recipe, "HTS", discover(package), None)
    recipe = Recipe(tf="TBP", assays=("CHS",), ibis_root=package)
    with pytest.raises(InputError, match=r"exist for: MAX, MYC; TBP has files of: HTS\."):
        collect_positives(recipe, "CHS", discover(package), None)


def test_bound_and_unbound_probes_are_told_apart(package):
    _, found = collected(package, "PBM")
    assert len(found.positives) == 50
    assert len(found.probes) == 2950
    assert found.positives.signal.min() == 5000
    assert found.probes.signal.max() < 20


def test_length_cuts_the_sequence_and_its_interval_alike(package):
    genome = Genome(package / "genome.fa")
    _, whole = collected(package, "CHS", genome)
    _, cut = collected(package, "CHS", genome, length=100)
    # Peak 5000–5201 has its middle at 5100: 301 bp from 4950 on, of which 100 from 5050 on.
    assert whole.positives.intervals.start[0] == 4950
    assert cut.positives.intervals.start[0] == 5050
    assert cut.positives.intervals.end[0] == 5150
    assert decode(cut.positives.sequences) == decode(genome.fetch(cut.positives.intervals))
    assert decode(cut.positives.sequences)[0] == decode(whole.positives.sequences)[0][100:200]


def test_a_peak_interval_wider_than_its_sequence_stays_as_it_is(tmp_path):
    folder = tmp_path / "train/CHS/MYC"
    folder.mkdir(parents=True)
    (folder / "a.fa").write_text(">chr1:100-300\nACGTACGTAC\n>chr2:50-58\nACCCGTTT\n")
    _, found = collected(tmp_path, "CHS", length=4)
    assert decode(found.positives.sequences) == ["TACG", "CCGT"]
    assert found.positives.intervals.start.tolist() == [100, 52]
    assert found.positives.intervals.end.tolist() == [300, 56]


def test_shorter_sequences_and_blacklisted_peaks_are_dropped_and_counted(package):
    black = make_intervals(["chr1", "chr1"], [5_200, 9_000], [5_300, 9_001])
    genome = Genome(package / "genome.fa", black)
    # The windows 4950–5251 and 8950–9251 hold blacklisted bases.
    _, found = collected(package, "CHS", genome)
    assert found.dropped == {"blacklisted": 2}
    assert len(found.positives) == 151
    with pytest.raises(InputError, match=r"first\.bed.*no bound.*151 shorter than length.*window"):
        collected(package, "CHS", genome, length=302)


def test_aliens_come_from_the_other_tfs_last_cycles_and_skip_those_without_the_wanted(package):
    records, files = pool(package, "aliens")
    assert [source.tf for source in files] == ["MAX", "TBP"]
    assert set(records.cycle.tolist()) == {2, 3}
    records, files = pool(package, "aliens", cycles=(3,))
    assert [source.tf for source in files] == ["MAX"]
    _, files = pool(package, "aliens", pool_files="TBP*")
    assert [source.tf for source in files] == ["TBP"]


def test_input_is_the_tfs_own_library_and_control_has_the_positives_cycles(package):
    _, files = pool(package, "input")
    assert [source.path.name for source in files] == ["MYC_R0_C0_lf5_rf3.fastq"]
    _, files = pool(package, "control")
    assert [source.path.name for source in files] == ["CONTROL_R0_C3_lf5_rf3.fastq"]
    _, files = pool(package, "control", cycles="all")
    assert len(files) == 2
    for kind, more in (("input", {"pool_files": "X*"}), ("control", {"assay": "PBM"})):
        with pytest.raises(InputError, match=rf"negatives.*kind '{kind}'.*Choose other kinds"):
            pool(package, kind, **more)


def test_a_library_of_no_tf_serves_those_without_their_own(package, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(package, root)
    (root / "input/HTS/MYC_R0_C0_lf5_rf3.fastq").rename(
        root / "input/HTS/CONTROL_R0_C0_lf5_rf3.fastq"
    )
    _, files = pool(root, "input")
    assert [source.path.name for source in files] == ["CONTROL_R0_C0_lf5_rf3.fastq"]


def test_targets_lose_signal_and_cycle(tmp_path):
    (tmp_path / "p.tsv").write_text(
        "#control\tpbm_sequence\tmean_signal_intensity\tflag\nFALSE\tACGTA\t7\t0\n"
    )
    (tmp_path / "MYC_R1_C4_lf5_rf3.fastq").write_text("@r\nACG\n+\nIII\n")
    (tmp_path / "max.fa").write_text(">r\nACG\n")
    (tmp_path / "sheet.tsv").write_text(
        "path\ttf\tassay\trole\np.tsv\t\tPBM\ttarget\nMYC_R1_C4_lf5_rf3.fastq\tMYC\tHTS\ttarget\n"
        "max.fa\tMAX\tHTS\ttarget\n"
    )
    recipe = Recipe(tf="MYC", assays=("PBM",), sheet=tmp_path / "sheet.tsv", length=2)
    found = collect_targets(recipe, read_sheet(tmp_path / "sheet.tsv"), None)
    assert [source.assay for source, _ in found] == ["PBM", "HTS"]
    assert [decode(part.sequences) for _, part in found] == [["ACGTA"], ["ACG"]]
    for _, part in found:
        assert np.isnan(part.signal).all()
        assert part.cycle.tolist() == [NO_CYCLE]
