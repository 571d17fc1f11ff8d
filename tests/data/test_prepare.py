import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from preparing import bytes_of, recipe, rows, with_genome

from dann_tfbs.data.prepare import prepare
from dann_tfbs.data.recipe import Recipe
from dann_tfbs.data.table import read_table, table_sequences
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import gc_content
from dann_tfbs.settings import validated

pytestmark = pytest.mark.usefixtures("no_figure")
FILES = ["manifest.json", "quality.json", "quality.png", "table.parquet"]


def opposite(text):
    return text[::-1].translate(str.maketrans("ACGTN", "TGCAN"))


def test_equal_files_recipe_and_seed_give_equal_bytes_wherever_they_lie(
    package, tmp_path, monkeypatch
):
    monkeypatch.undo()  # the figure counts here
    prepare(with_genome(package), tmp_path / "a")
    (tmp_path / "elsewhere").mkdir()
    shutil.copytree(package, tmp_path / "elsewhere/renamed")
    monkeypatch.chdir(tmp_path / "elsewhere")
    prepare(with_genome(Path("renamed")), Path("b"))
    first = bytes_of(tmp_path / "a")
    assert list(first) == FILES
    assert first == bytes_of(tmp_path / "elsewhere/b")


def test_another_seed_draws_others(package, tmp_path):
    _, first = rows(recipe(package, "HTS"), tmp_path / "a")
    _, other = rows(recipe(package, "HTS", seed=1), tmp_path / "b")
    drawn = [{r["sequence"] for r in table if r["label"] == 0} for table in (first, other)]
    # 1200 of 4000 reads each: by chance 360 in common.
    assert 250 < len(drawn[0] & drawn[1]) < 480
    sides = [{r["sequence"]: r["split"] for r in table if r["label"]} for table in (first, other)]
    assert sides[0] != sides[1]


def test_the_manifest_tells_what_was_used(package, tmp_path):
    manifest, table = rows(recipe(package, "HTS", files="*R0*"), tmp_path / "out")
    saved = json.loads((tmp_path / "out/manifest.json").read_text())
    assert saved == json.loads(json.dumps({k: v for k, v in manifest.items() if k != "quality"}))
    used = ["train/HTS/MYC/MYC_R0_C3_lf5ACG_rf3ACG.fastq", "input/HTS/MYC_R0_C0_lf5_rf3.fastq"]
    assert saved["files"] == {
        name: hashlib.sha256((package / name).read_bytes()).hexdigest() for name in used
    }
    table_file = (tmp_path / "out/table.parquet").read_bytes()
    assert saved["table_sha256"] == hashlib.sha256(table_file).hexdigest()
    assert saved["rows"] == len(table) == 660
    counted = Counter(f"{r['assay']} {r['split']} {r['source']}" for r in table)
    assert saved["counts"] == counted
    assert "ibis_root" not in saved["recipe"]
    manifest, _ = rows(with_genome(package), tmp_path / "chs")
    genome = (package / "genome.fa").read_bytes()
    assert manifest["references"] == {
        "genome": {"name": "genome.fa", "sha256": hashlib.sha256(genome).hexdigest()}
    }


@pytest.mark.parametrize(
    ("assay", "genome", "more", "expected"),
    [
        ("HTS", False, {}, {"input": 1200}),
        ("HTS", False, {"target": "SMS"}, {"input": 600}),
        ("HTS", False, {"target": "PBM", "tf": "MAX"}, {"aliens": 240}),
        ("PBM", False, {}, {"probes": 50}),
        ("PBM", False, {"ratio": "all"}, {"probes": 2950}),
        ("CHS", True, {}, {"gc": 100, "shades": 50}),
        ("CHS", True, {"target": "HTS"}, {"gc": 1000, "shades": 500}),
        ("CHS", True, {"ratio": 0}, {}),
        ("CHS", True, {"ratio": 1.3}, {"gc": 130, "shades": 65}),
        ("CHS", True, {"negatives": {"random": 2, "shades": 1, "gc": 1, "shuffle": 0}},
         {"random": 75, "shades": 38, "gc": 37}),
        ("CHS", True, {"negatives": {"aliens": 1, "shuffle": 3}}, {"aliens": 38, "shuffle": 112}),
        ("HTS", False, {"negatives": {"control": 1, "aliens": 1, "input": 1}},
         {"control": 400, "aliens": 400, "input": 400}),
    ],
)  # fmt: skip
def test_kinds_and_numbers_of_negatives(package, tmp_path, assay, genome, more, expected):
    if more.get("tf") == "MAX":  # of which 1500 reads and no library of its own are there
        more = more | {"max_positives": 240, "pool_files": "*_C[23]*"}
    if genome:
        more = more | {"genome": package / "genome.fa"}
    manifest, table = rows(recipe(package, assay, **more), tmp_path / "out")
    found = Counter(r["source"] for r in table)
    positives = 240 if more.get("tf") == "MAX" else {"HTS": 120, "PBM": 50, "CHS": 150}[assay]
    assert found.pop("positive") == positives
    assert found == expected
    assert {r["label"] for r in table if r["source"] != "positive"} <= {0}
    assert manifest["assays"][assay]["negatives"]["count"] == sum(expected.values())


def test_genome_negatives_keep_clear_of_all_peaks_and_follow_gc(package, tmp_path):
    weights = {"random": 1, "gc": 1, "shades": 1}
    made = with_genome(package, negatives=weights, ratio=3, max_positives=60)
    manifest, table = rows(made, tmp_path / "out")
    assert Counter(r["source"] for r in table) == dict.fromkeys(["positive", *weights], 60)
    # All 153 windows of 301 bp, also those that are not in the table.
    slots = {"chr1": 60, "chr2": 50, "chr3": 40, "chrM": 3}
    peaks = [(c, 4950 + 4000 * i) for c, n in slots.items() for i in range(n)]
    for row in table:
        assert row["end"] - row["start"] == 301 == len(row["sequence"])
        gaps = [
            max(start - row["end"], row["start"] - start - 301)
            for chrom, start in peaks
            if chrom == row["chrom"]
        ]
        if row["source"] == "shades":
            assert 300 <= min(gap for gap in gaps if gap >= 0) <= 600
        if row["label"] == 0:
            assert min(gaps) >= 300
    assert {r["chrom"] for r in table} == {"chr1", "chr2", "chr3"}
    assert manifest["assays"]["CHS"]["negatives"]["parts"]["gc"]["gc_distance"] < 0.15


def test_peaks_on_unused_chromosomes_neither_count_nor_raise_the_ratio(package, tmp_path):
    manifest, table = rows(with_genome(package, negatives={"aliens": 1}), tmp_path / "out")
    assert manifest["assays"]["CHS"]["positives_available"] == 150
    assert manifest["assays"]["CHS"]["on_unused_chromosomes"] == 3
    assert Counter(r["source"] for r in table) == {"positive": 150, "aliens": 150}
    assert {r["chrom"] for r in table} == {"chr1", "chr2", "chr3"}
    assert {r["split"] for r in table if r["chrom"] == "chr2"} == {"test"}
    assert "test" not in {r["split"] for r in table if r["chrom"] != "chr2"}
    dropped = manifest["assays"]["CHS"]["negatives"]["parts"]["aliens"]["dropped"]
    assert dropped == {"overlapping": 5, "shared_kmer": 0, "repeated": 0}
    # By hash, all 153 peaks are used.
    made = with_genome(package, negatives={"aliens": 1}, split={"by": "hash"})
    _, table = rows(made, tmp_path / "hash")
    assert Counter(r["source"] for r in table) == {"positive": 153, "aliens": 153}


def test_no_usable_chromosome_is_explained(package, tmp_path):
    root = tmp_path / "m"
    shutil.copytree(package, root)
    (root / "train/CHS/MYC/first.bed").write_text("chrM\t5000\t5201\n")
    with pytest.raises(InputError, match=r"no CHS positive of MYC lies on a numbered.*hash"):
        prepare(with_genome(root), tmp_path / "out")


def test_positives_left_out_by_max_positives_are_no_negatives(package, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(package, root)
    reads = [
        line
        for name in ("MYC_R0_C3", "MYC_R1_C3")
        for line in (root / f"train/HTS/MYC/{name}_lf5ACG_rf3ACG.fastq").read_text().split()
        if len(line) == 40 and set(line) <= set("ACGT")
    ]
    library = root / "input/HTS/MYC_R0_C0_lf5_rf3.fastq"
    library.write_text(
        "".join(f">r\n{r}\n" for r in [*map(opposite, reads), *("A" * 40, "C" * 40)])
    )
    made = recipe(root, "HTS", max_positives=1, ratio=2)
    manifest, table = rows(made, tmp_path / "out")
    assert {r["sequence"] for r in table if r["label"] == 0} == {"A" * 40, "C" * 40}
    assert manifest["assays"]["HTS"]["positives_available"] == 120
    with pytest.raises(
        InputError, match=r"input: 3 negatives.*2 candidates.*120 positive.*Ask for fewer"
    ):
        prepare(recipe(root, "HTS", max_positives=1, ratio=3), tmp_path / "out")


def test_a_probe_bound_on_one_array_is_no_negative_of_another(package, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(package, root)
    array = root / "train/PBM/MYC/SD_1.tsv"
    lines = array.read_text().splitlines()
    cells = [line.split("\t") for line in lines[1:]]
    # The same probes, brightest last: 49 of the first array's bound probes are dim here.
    swapped = ["\t".join([a[0], a[1], b[2], a[3]]) for a, b in zip(cells, cells[::-1], strict=True)]
    (array.parent / "SD_2.tsv").write_text("\n".join([lines[0], *swapped]) + "\n")
    for ratio in ("all", 5):
        _, table = rows(recipe(root, "PBM", ratio=ratio), tmp_path / "out")
        bound = {r["sequence"] for r in table if r["label"] == 1}
        unbound = [r["sequence"] for r in table if r["label"] == 0]
        assert len(bound) == 100
        assert not bound & set(unbound)
        assert len(unbound) == len(set(unbound)) == (2900 if ratio == "all" else 500)


def test_all_probes_need_probes(package, tmp_path):
    with pytest.raises(InputError, match=r"ratio: `all` goes with.*probes.*Give a number"):
        prepare(recipe(package, "HTS", ratio="all"), tmp_path / "out")


def test_gc_matching_is_achieved_and_reported(package, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(package, root)
    reads = ["A" * (40 - n) + "G" * n for n in range(10, 31)]
    file = "train/HTS/MYC/MYC_R0_C3_lf5ACG_rf3ACG.fastq"
    (root / file).write_text("".join(f">r\n{r}\n" for r in reads if r.count("G") >= 25))
    made = recipe(root, "HTS", files="*R0*", ratio=5)
    manifest, _ = rows(made, tmp_path / "with")
    gc = gc_content(table_sequences(read_table(tmp_path / "with")))
    # Random reads hold 20 ± 3.2 of 40; matched ones are the richest there are.
    assert gc[:6].tolist() == [n / 40 for n in range(25, 31)]
    assert gc[6:].min() >= 0.6
    plain, _ = rows(made.model_copy(update={"gc_match": False}), tmp_path / "without")
    distance = [
        m["assays"]["HTS"]["negatives"]["parts"]["input"]["gc_distance"] for m in (manifest, plain)
    ]
    assert distance[0] < 0.6 < distance[1]


@pytest.mark.parametrize("by", ["auto", "group", "all"])
def test_splits_of_reads(package, tmp_path, by):
    split = {"by": by, "test": 0.3} | ({"test_groups": ["R1"]} if by == "group" else {})
    split |= {"name": "validation"} if by == "all" else {}
    _, table = rows(recipe(package, "HTS", split=split), tmp_path / "out")
    seen = {}
    for row in table:
        both = min(row["sequence"], opposite(row["sequence"]))
        assert seen.setdefault(both, row["split"]) == row["split"]
    sides = Counter((r["label"], r["split"]) for r in table)
    if by == "all":
        assert sides == {(1, "validation"): 120, (0, "validation"): 1200}
    elif by == "group":
        assert {r["split"] for r in table if r["label"] and r["group"] == "R1"} == {"test"}
        assert sides[1, "test"] == 60
        # The library belongs to replicate 0, which positives are in: it trains and validates.
        assert sides[0, "test"] == 0
    else:
        for side, share in (("test", 0.3), ("validation", 0.07), ("train", 0.63)):
            assert abs(sides[0, side] / 1200 - share) < 0.06
            assert abs(sides[1, side] / 120 - share) < 0.16


def test_relatives_in_two_assays_stand_on_one_side(package, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(package, root)
    # Every bound read, turned round and three bases longer, is a bound SMiLE-seq read.
    source = (root / "train/HTS/MYC/MYC_R0_C3_lf5ACG_rf3ACG.fastq").read_text().split()
    reads = [line for line in source if len(line) == 40 and set(line) <= set("ACGT")]
    (root / "train/SMS/MYC").mkdir(parents=True)
    (root / "train/SMS/MYC/a.txt").write_text("".join(opposite(r) + "ACG\n" for r in reads))
    split = {"test": 0.4, "validation": 0.3}
    settings = {"ratio": 1, "split": split, "negatives": {"shuffle": 1}}
    made = recipe(root, "HTS", assays=["SMS", "HTS"], **settings)
    manifest, table = rows(made, tmp_path / "out")
    side = {r["sequence"]: r["split"] for r in table if r["assay"] == "HTS" and r["label"]}
    partners = [r for r in table if r["assay"] == "SMS" and r["label"]]
    assert len(partners) == 60
    assert len({r["split"] for r in partners}) == 3
    for row in partners:
        assert row["split"] == side[opposite(row["sequence"][:40])]
    leaked = [sum(pair.values()) for pair in manifest["quality"]["leakage"].values()]
    assert leaked == [0, 0, 0]
    assert len({r["tag"] for r in table}) == len(table)


def test_target_files_become_unlabelled_rows_of_their_own(tmp_path, rng):
    reads = ["".join(rng.choice(list("ACGT"), 40)) for _ in range(60)]
    (tmp_path / "bound.txt").write_text("\n".join(reads[:50]) + "\n")
    (tmp_path / "unseen.txt").write_text("\n".join([*reads[50:], reads[0]]) + "\n")
    array = "#control\tpbm_sequence\tmean_signal_intensity\tflag\nFALSE\tACGTACGT\t7\t0\n"
    (tmp_path / "array.tsv").write_text(array)
    sheet = "path\ttf\tassay\trole\nbound.txt\tMYC\tSMS\tpositive\n"
    sheet += "unseen.txt\t\tHTS\ttarget\narray.tsv\tMYC\tPBM\ttarget\n"
    (tmp_path / "sheet.tsv").write_text(sheet)
    values = {"tf": "MYC", "assays": ["SMS"], "sheet": tmp_path / "sheet.tsv", "length": 30}
    manifest, table = rows(validated(Recipe, values, "recipe"), tmp_path / "out")
    targets = [r for r in table if r["source"] == "target"]
    assert [r["sequence"] for r in targets] == [*reads[50:], reads[0], "ACGTACGT"]
    for row in targets:
        assert (row["label"], row["signal"], row["split"]) == (None, None, "target")
    assert [r["assay"] for r in targets] == ["HTS"] * 11 + ["PBM"]
    assert len({r["tag"] for r in table}) == len(table)
    assert {len(r["sequence"]) for r in table if r["source"] != "target"} == {30}
    assert manifest["counts"]["PBM target target"] == 1
    assert set(manifest["files"]) == {"bound.txt", "unseen.txt", "array.tsv"}
    assert set(manifest["quality"]["assays"]) == {"SMS"}
