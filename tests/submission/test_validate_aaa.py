"""Bad AAA tables: each problem with its line, its field, its rule and whose rule it is."""

import gzip
import json
import random

import numpy as np
import pytest

from dann_tfbs.errors import InputError
from dann_tfbs.predictions import write_predictions
from dann_tfbs.submission import aaa, text_blocks
from dann_tfbs.submission.tag_keys import repeats
from dann_tfbs.submission.validate import validate

GOOD = "tag\tGABPA\tPRDM5\naaaaaaa\t0.12345\t1\nbbbbbbb\t0\t0.5\nccccccc\t1.00000\t.25\n"
FASTA = ">aaaaaaa x\nACGT\n>bbbbbbb\nACGT\n>ccccccc\nACGT\n"
TFS = ["GABPA", "PRDM5"]


@pytest.fixture
def check(tmp_path):
    fasta = tmp_path / "HTS_participants.fasta"
    fasta.write_text(FASTA)

    def checked(text, **options):
        path = tmp_path / "HTS_aaa.tsv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return validate(path, **{"benchmark": fasta, "tfs": TFS, **options})

    return checked


def found(findings):
    return {(p.rule, p.line, p.column) for p in findings.problems}


def test_a_good_table_has_no_problem(check):
    findings = check(GOOD)
    assert found(findings) == set()
    assert findings.summary().endswith("AAA, 3 rows, 2 TFs; 0 errors, 0 warnings: can be submitted")


@pytest.mark.parametrize(
    ("value", "rule", "origin"),
    [
        ("1.2", "range", "official"),
        ("-0.1", "range", "official"),
        ("1.00002", "range", "official"),
        ("inf", "range", "official"),
        ("-inf", "range", "official"),
        ("0.123456", "five digits", "official"),
        ("0.000000", "five digits", "official"),
        ("", "empty value", "official"),
        ("abc", "number", "official"),
        ("0,5", "number", "official"),
        ("0.5x", "number", "official"),
        (".", "number", "official"),
        ("nodata", "nodata", "official"),
        ("NaN", "NaN", "ours"),
        (" 0.5", "white space", "ours"),
        ("0.5 ", "white space", "ours"),
        ("1e-3", "plain decimal", "ours"),
        ("+0.5", "plain decimal", "ours"),
        ("0_0", "plain decimal", "ours"),
    ],
)
def test_a_wrong_value_is_found_where_it_stands(check, value, rule, origin):
    findings = check(GOOD.replace("0.5", value))
    (problem,) = findings.problems
    assert (problem.rule, problem.line, problem.column) == (rule, 3, 3)
    assert problem.origin == origin
    assert problem.severity == "error"
    assert findings.errors == 1
    assert findings.official_errors == (origin == "official")


@pytest.mark.parametrize(
    "value", ["-0.00001", "1.00001", "1.", "0.", "00.5", "-0", ".00001", "1.0"]
)
def test_what_the_suite_reads_as_a_number_in_range_is_legal(check, value):
    assert found(check(GOOD.replace("0.5", value))) == set()


def test_an_exponent_with_many_digits_breaks_two_rules(check):
    findings = check(GOOD.replace("0.5", "1.23456e-05"))
    assert found(findings) == {("five digits", 3, 3), ("plain decimal", 3, 3)}


def test_any_text_is_judged_as_value_by_value(check):
    """The fast path over bytes says the same as the rules for one value."""
    draw = random.Random(5)
    texts = [
        "".join(draw.choice("01259.-e n") for _ in range(draw.randrange(9))) for _ in range(3000)
    ]
    texts += [f"{draw.random() * 1.1:.{draw.randrange(8)}f}" for _ in range(2000)]
    lines = "".join(f"t{n}\t{text}\n" for n, text in enumerate(texts))
    findings = check("tag\tGABPA\n" + lines, benchmark=None, tfs=None, most=10**6)
    expected = {
        (rule, n + 2, 2)
        for n, text in enumerate(texts)
        for rule, _ in aaa.problems_of_value(text)
        if rule != "nodata"
    }
    assert found(findings) == expected
    assert len(expected) > 1000


def test_tags(check):
    text = GOOD.replace("bbbbbbb", "aaaaaaa").replace("ccccccc", "zzzzzzz")
    findings = check(text)
    assert found(findings) == {
        ("missing tag", None, None),
        ("repeated tag", 3, 1),
        ("extra tag", 4, 1),
    }
    assert findings.counts["missing tag"] == 2
    texts = {p.rule: p for p in findings.problems}
    assert "'ccccccc', number 3 of" in texts["missing tag"].text
    assert "'aaaaaaa' stands on line 2" in texts["repeated tag"].text
    assert texts["repeated tag"].origin == "ours"
    assert "'zzzzzzz'" in texts["extra tag"].text


def test_long_tags_are_told_apart(check, tmp_path):
    tags = [f"{'x' * length}{end}" for length in (7, 8, 15, 16, 40) for end in "ab"]
    fasta = tmp_path / "long.fasta"
    fasta.write_text("".join(f">{tag}\nACGT\n" for tag in tags))
    table = "tag\tGABPA\n" + "".join(f"{t}\t0.{n}\n" for n, t in enumerate(tags))
    assert found(check(table, benchmark=fasta, tfs=None)) == set()
    changed = table.replace("x" * 40 + "b", "x" * 39 + "yb")
    assert found(check(changed, benchmark=fasta, tfs=None)) == {
        ("missing tag", None, None),
        ("extra tag", 11, 1),
    }


@pytest.mark.parametrize(
    ("header", "places"),
    [
        ("tag\tGABPA\tGABPA", {("repeated column", 1, 3), ("missing TF", 1, None)}),
        ("tag\tGABPA\tYY1", {("unknown TF", 1, 3), ("missing TF", 1, None)}),
        ("id\tGABPA\tPRDM5", {("tag column", 1, 1)}),
        ("\ufefftag\tGABPA\tPRDM5", {("byte order mark", 1, 1)}),
        ("tag\tGABPA\t", {("column name", 1, 3), ("unknown TF", 1, 3), ("missing TF", 1, None)}),
    ],
)
def test_headers(check, header, places):
    assert found(check(GOOD.replace("tag\tGABPA\tPRDM5", header))) == places


def test_a_missing_tf_is_a_warning_and_an_unknown_one_an_error(check):
    missing = check(GOOD, tfs=[*TFS, "LEF1"])
    assert (missing.errors, missing.warnings) == (0, 1)
    unknown = check(GOOD, tfs=["GABPA"])
    assert (unknown.errors, unknown.warnings) == (1, 0)


def test_a_header_with_commas_names_no_tf(check):
    findings = check(GOOD.replace("\t", ","))
    assert ("TF columns", 1, None) in found(findings)


def test_lines_of_other_lengths(check):
    text = GOOD.replace("bbbbbbb\t0\t0.5", "bbbbbbb\t7.5").replace(".25\n", ".25\t3\n\n")
    findings = check(text)
    assert found(findings) == {
        ("too few fields", 3, None),
        ("too many fields", 4, None),
        ("too few fields", 5, None),
        ("extra tag", 5, 1),
    }
    # As many tabs as there should be in all, but not on the right lines.
    shifted = GOOD.replace("bbbbbbb\t0\t0.5", "bbbbbbb\t0\t0.5\t1").replace("1\nb", "\nb", 1)
    shifted = shifted.replace("aaaaaaa\t0.12345\t\n", "aaaaaaa\t0.12345\n")
    assert found(check(shifted)) == {("too few fields", 2, None), ("too many fields", 3, None)}


def test_line_ends_and_letters(check):
    crlf = check(GOOD.replace("\n", "\r\n"))
    assert found(crlf) == {("line ends", 1, None)}
    assert crlf.counts["line ends"] == 4
    assert crlf.official_errors == 0
    assert crlf.summary().endswith("breaks rules of ours only")
    latin = check(GOOD.encode().replace(b"bbbbbbb", b"bbb\xe9bbb"))
    assert ("UTF-8", 3, None) in found(latin)


def test_gzip_is_refused_as_the_suite_does_and_read_nevertheless(check):
    findings = check(gzip.compress(GOOD.replace("0.5", "1.2").encode()))
    assert found(findings) == {("plain text", None, None), ("range", 3, 3)}
    assert findings.official_errors == 2


def test_a_truncated_gzip_cannot_be_read(check):
    with pytest.raises(InputError, match="cannot be read"):
        check(gzip.compress(GOOD.encode())[:-9])


def test_nodata_is_told_once_a_column(check):
    text = "tag\tGABPA\tPRDM5\naaaaaaa\tnodata\t0.1\nbbbbbbb\tnodata\tnodata\nccccccc\t0\t1\n"
    findings = check(text)
    assert found(findings) == {
        ("nodata", 2, 2),
        ("nodata", 3, 3),
        ("no complete column", None, None),
    }
    assert findings.counts["nodata"] == 2


def test_an_empty_file_and_one_without_rows(check):
    assert found(check("")) == {("empty file", 1, None)}
    findings = check("tag\tGABPA\tPRDM5\n")
    assert findings.counts["missing tag"] == 3
    assert ("no rows", 1, None) in found(findings)


def test_a_constant_column_is_a_warning(check):
    findings = check("tag\tGABPA\tPRDM5\naaaaaaa\t0\t0.1\nbbbbbbb\t0.0\t0.2\nccccccc\t0\t0.3\n")
    assert found(findings) == {("constant column", 1, 2)}
    assert (findings.errors, findings.warnings) == (0, 1)
    findings = check("tag\tGABPA\tPRDM5\naaaaaaa\tnodata\t0.1\nbbbbbbb\tnodata\t0.2\n")
    assert findings.counts["constant column"] == 0  # it is rejected, which is told


def test_of_each_rule_the_first_are_shown_and_all_are_counted(check):
    rows = "".join(f"t{n}\t1.{n:05}\t0.{n:06}\n" for n in range(1, 101))
    findings = check("tag\tGABPA\tPRDM5\n" + rows, most=3)
    assert findings.counts["range"] == 99  # 1.00001 is within the tolerance
    assert findings.counts["five digits"] == 100
    assert findings.counts["extra tag"] == 100
    lines = list(findings.lines())
    assert sum("official: range]" in line for line in lines) == 4
    assert any(line.endswith("[official: range] and 96 more of this rule") for line in lines)
    assert f"{findings.path}:3:2: error [official: range] GABPA: 1.00002" in "\n".join(lines)


def test_a_table_of_nothing_but_odd_values_is_not_read_to_its_end(check, monkeypatch):
    monkeypatch.setattr(aaa, "MOST_ODD", 2)
    findings = check(GOOD.replace("0", "x").replace("1", "x"))
    assert ("too many problems", 5, None) in found(findings)
    assert not findings.counts["missing tag"]


def test_blocks_do_not_change_what_is_found(tmp_path, rng, monkeypatch):
    path = tmp_path / "p.tsv"
    tags = [f"tag{n:04}" for n in range(300)]
    write_predictions(path, ["A", "B"], [(tags, rng.random((300, 2)))])
    text = path.read_text().replace("tag0150\t0.", "tag0150\t2.").replace("tag0200", "tag0100")
    path.write_text(text.rstrip("\n"))
    whole = validate(path)
    monkeypatch.setattr(text_blocks.text_blocks, "__defaults__", (64,))
    pieces = validate(path)
    assert found(whole) == found(pieces) == {("range", 152, 2), ("repeated tag", 202, 1)}
    assert list(whole.lines()) == list(pieces.lines())


def test_a_benchmark_names_tags_and_tfs(check, tmp_path):
    path = tmp_path / "benchmark.json"
    content = {"name": "x", "datasets": [{"tf": "GABPA"}], "tfs": TFS, "kind": "HTS"}
    for tags in (["aaaaaaa", "bbbbbbb", "ccccccc"], {"aaaaaaa": 1, "bbbbbbb": 2, "ccccccc": 3}):
        path.write_text(json.dumps({**content, "tags": tags}))
        assert found(check(GOOD, benchmark=path, tfs=None)) == set()
        missing = check(GOOD.replace("ccccccc", "ccccccd"), benchmark=path, tfs=None)
        assert found(missing) == {("missing tag", None, None), ("extra tag", 4, 1)}
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"neither a benchmark\.json"):
        check(GOOD, benchmark=path)


def test_what_predict_writes_is_valid(tmp_path, rng):
    path = tmp_path / "p.tsv"
    scores = np.concatenate([rng.random(200), [0, 1, 1e-9, 1 - 1e-9, 0.999995, 5e-6]])
    write_predictions(path, "A", [([f"t{n}" for n in range(len(scores))], scores)])
    assert found(validate(path)) == set()


def test_tags_as_predict_names_them(check, tmp_path):
    fasta = tmp_path / "odd.fasta"
    fasta.write_text(">  aaaaaaa x\nAC\nGT\n>bbbbbbb\tx\r\nACGT\n>ccccccc\nACGT")
    assert found(check(GOOD, benchmark=fasta)) == set()
    findings = check(GOOD.replace("ccccccc", "x"), benchmark=fasta, most=1)
    assert "'ccccccc', number 3" in findings.problems[0].text


def test_repeats_against_a_dictionary(rng):
    for _ in range(50):
        keys = rng.integers(0, 30, rng.integers(0, 40)).astype(np.uint64)
        seen: dict[int, int] = {}
        expected = []
        for place, key in enumerate(keys.tolist()):
            if key in seen:
                expected.append((place, seen[key]))
            seen.setdefault(key, place)
        again, before = repeats(keys)
        assert list(zip(again.tolist(), before.tolist(), strict=True)) == expected
