import pytest

from dann_tfbs.data.sources import SourceFile, discover, read_sheet, skipped, stem
from dann_tfbs.errors import InputError

GHTS = "YWC_B_AffSeq_C10_ZNF20-DBD2.C3.peaks"


def make(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def short(source, root):
    path = source.path.relative_to(root).as_posix()
    return path, source.tf, source.assay, source.replicate, source.cycle, source.role


def test_an_ibis_folder(tmp_path):
    make(
        tmp_path,
        "train/PBM/ZNF20/QNZS_YWI.tsv",
        "train/HTS/ZNF20/ZNF20_R1_C2_lf5ACG_rf3T.fastq.gz",
        "train/HTS/ZNF20/ZNF20_R0_C0_lf5_rf3.fastq.gz",
        "train/SMS/LEF1/UT380-154.fastq.gz",
        "train/CHS/ZNF20/THC_0307.Rep-DIANA_0293.peaks",
        f"train/GHTS/ZNF20/{GHTS}",
        "input/HTS/CONTROL_R2_C0_lf5_rf3.fastq.gz",
        "input/HTS/CONTROL_R2_C4_lf5_rf3.fastq.gz",
        "input/HTS/ZNF20_R0_C0_lf5_rf3.fastq.gz",
        "input/HTS/ZNF20_R0_C2_lf5_rf3.fastq.gz",
        "input/SMS/input_40N.fasta.gz",
        "genomes/hg38.fa",
    )
    assert [short(source, tmp_path) for source in discover(tmp_path)] == [
        ("train/CHS/ZNF20/THC_0307.Rep-DIANA_0293.peaks", "ZNF20", "CHS", None, None, "positive"),
        (f"train/GHTS/ZNF20/{GHTS}", "ZNF20", "GHTS", None, 3, "positive"),
        ("train/HTS/ZNF20/ZNF20_R0_C0_lf5_rf3.fastq.gz", "ZNF20", "HTS", 0, 0, "input"),
        ("train/HTS/ZNF20/ZNF20_R1_C2_lf5ACG_rf3T.fastq.gz", "ZNF20", "HTS", 1, 2, "positive"),
        ("train/SMS/LEF1/UT380-154.fastq.gz", "LEF1", "SMS", None, None, "positive"),
        ("train/PBM/ZNF20/QNZS_YWI.tsv", "ZNF20", "PBM", None, None, "positive"),
        ("input/HTS/CONTROL_R2_C0_lf5_rf3.fastq.gz", "", "HTS", 2, 0, "input"),
        ("input/HTS/CONTROL_R2_C4_lf5_rf3.fastq.gz", "", "HTS", 2, 4, "control"),
        ("input/HTS/ZNF20_R0_C0_lf5_rf3.fastq.gz", "ZNF20", "HTS", 0, 0, "input"),
        ("input/HTS/ZNF20_R0_C2_lf5_rf3.fastq.gz", "ZNF20", "HTS", 0, 2, "control"),
        ("input/SMS/input_40N.fasta.gz", "", "SMS", None, None, "input"),
    ]
    assert skipped(tmp_path) == []


def test_a_folder_that_holds_the_assays_itself_and_what_it_skips(tmp_path):
    make(
        tmp_path,
        "CHS/REB1/ROSSI.peaks",
        "CHS/REB1/notes.docx",
        "CHS/REB1/.hidden.peaks",
        "CHS/loose.peaks",
        "CHIPCHIP/REB1/sites.bed",
        ".cache/x",
    )
    assert [source.path.name for source in discover(tmp_path)] == ["ROSSI.peaks"]
    names = {path.relative_to(tmp_path).as_posix() for path in skipped(tmp_path)}
    assert names == {"CHIPCHIP", "CHS/REB1/notes.docx", "CHS/loose.peaks"}


@pytest.mark.parametrize("files", [(), ("CHIPCHIP/REB1/sites.bed",), ("CHS/REB1/x.docx",)])
def test_nothing_found_says_what_was_expected(tmp_path, files):
    make(tmp_path, *files)
    with pytest.raises(InputError, match=r"train/<ASSAY>/<TF>/<file>.*sample sheet"):
        discover(tmp_path)


def test_a_root_that_is_no_folder(tmp_path):
    with pytest.raises(InputError, match=r"nowhere: is no folder"):
        discover(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a/THC_0307.Rep-DIANA_0293.peaks", "THC_0307.Rep-DIANA_0293"),
        ("UT380-154.fastq.gz", "UT380-154"),
        (GHTS, "YWC_B_AffSeq_C10_ZNF20-DBD2.C3"),
    ],
)
def test_stem_keeps_inner_dots(name, expected):
    assert stem(name) == expected


def test_a_sheet_with_all_columns_and_paths_relative_to_it(tmp_path):
    make(tmp_path, "set/a.bed", "b.fastq")
    sheet = tmp_path / "set" / "sheet.tsv"
    sheet.write_text(
        "role\tpath\tassay\ttf\tcycle\treplicate\n"
        f"positive\ta.bed\tCHS\tMYC\t\t\n# note\ncontrol\t{tmp_path}/b.fastq\tHTS\t\t3\t1\n"
    )
    assert read_sheet(sheet) == [
        SourceFile(tmp_path / "set" / "a.bed", "MYC", "CHS", None, None, "positive"),
        SourceFile(tmp_path / "b.fastq", "", "HTS", 1, 3, "control"),
    ]


def test_a_sheet_with_few_columns_takes_hts_cycles_from_names(tmp_path):
    make(tmp_path, "MYC_R1_C4_lf5_rf3.fastq.gz")
    sheet = tmp_path / "sheet.tsv"
    sheet.write_text("path\tassay\ttf\nMYC_R1_C4_lf5_rf3.fastq.gz\tHTS\tMYC\n")
    (source,) = read_sheet(sheet)
    assert (source.replicate, source.cycle, source.role) == (1, 4, "positive")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a.bed\tCHS\tMYC\t\t\ttest",
            r":2 \[role\]: 'test' is no known role.*positive, input, con",
        ),
        ("a.bed\tCHIP\tMYC\t\t\t", r":2 \[assay\]: 'CHIP' is no known assay.*CHS, GHTS, HTS"),
        ("x.bed\tCHS\tMYC\t\t\t", r":2 \[path\]: the file 'x\.bed' does not exist.*start at"),
        ("\tCHS\tMYC\t\t\t", r":2 \[path\]: the file '' does not exist"),
        ("a.bed\tCHS\t\t\t\t", r":2 \[tf\]: a positive file needs a tf"),
        ("a.bed\tCHS\tMYC\tone\t\t", r":2 \[replicate\]: 'one' is no replicate.*whole number"),
        ("a.bed\tCHS\tMYC\t1\t-1\t", r":2 \[cycle\]: '-1' is no cycle"),
        ("a.bed\tCHS\tMYC\t\t\t\n\na.bed\tCHS\tMYC\t\t\t", r":4: 'a\.bed' is listed twice"),
        ("a.bed\tCHS", r":2: the row has 2 tab-separated cells, expected 6"),
    ],
)
def test_bad_sheets_name_the_line(tmp_path, text, message):
    make(tmp_path, "a.bed")
    sheet = tmp_path / "sheet.tsv"
    sheet.write_text("path\tassay\ttf\treplicate\tcycle\trole\n" + text + "\n")
    with pytest.raises(InputError, match=r"sheet\.tsv" + message):
        read_sheet(sheet)


@pytest.mark.parametrize(
    ("header", "message"),
    [("path\ttf", "misses assay"), ("path\tassay\tcell", "has unknown cell.*Columns are path, tf")],
)
def test_a_bad_sheet_header(tmp_path, header, message):
    sheet = tmp_path / "sheet.tsv"
    sheet.write_text(header + "\n" + "\t".join("x" for _ in header.split("\t")) + "\n")
    with pytest.raises(InputError, match=message):
        read_sheet(sheet)
