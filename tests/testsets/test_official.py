import json

import numpy as np

from dann_tfbs import sequence
from dann_tfbs.evaluation.answers import read_answers
from dann_tfbs.testsets.labelled import labelled
from dann_tfbs.testsets.official import TestSet, random_tags, scorers


def of(*texts, label=0, group=None, header=None):
    return labelled(sequence.encode(texts), label, group=group, header=header)


def two_tfs():
    test = TestSet("HTS", flanks={"A": ("GG", "TTT")})
    test.add("A", of("AAAA", "CCCC", label=np.array([1, 4]), group="R1"), {"input": of("GGGG")})
    test.add("B", of("TTTT", label=2, group="R0"), {"aliens": of("AAAA", "CCCC")})
    return test


def fasta(path):
    lines = path.read_text().splitlines()
    return {head[1:]: text for head, text in zip(lines[::2], lines[1::2], strict=True)}


def test_equal_sequences_share_a_tag_across_tfs(tmp_path, rng):
    assert two_tfs().write(tmp_path, rng) == 4
    records = fasta(tmp_path / "test" / "HTS_participants.fasta")
    tag = {text: name for name, text in records.items()}
    assert sorted(tag) == ["AAAA", "CCCC", "GGGG", "TTTT"]
    assert list(records) == sorted(records)
    assert all(len(name) == 7 and name.isalpha() and name.islower() for name in records)
    answers = {
        name: json.loads((tmp_path / "test" / "answers" / f"HTS_{name}.json").read_text())
        for name in ("A_input", "B_aliens", "A_positives", "A")
    }
    assert answers["A_input"] == {
        "labels": {tag["AAAA"]: 1, tag["CCCC"]: 4, tag["GGGG"]: 0},
        "groups": {tag["AAAA"]: "R1", tag["CCCC"]: "R1", tag["GGGG"]: None},
    }
    assert answers["A"] == answers["A_input"]
    assert answers["B_aliens"]["labels"] == {tag["TTTT"]: 2, tag["AAAA"]: 0, tag["CCCC"]: 0}
    assert set(answers["A_positives"]["labels"].values()) == {1, 4}


def test_the_definition_names_every_dataset(tmp_path, rng):
    two_tfs().write(tmp_path, rng, "Leaderboard")
    path = tmp_path / "BENCHMARK_CONFIGS" / "HTS" / "Leaderboard" / "benchmark.json"
    config = json.loads(path.read_text())
    assert (config["kind"], config["tfs"]) == ("HTS", ["A", "B"])
    assert len(config["tags"]) == 4
    found = {(d["tf"], d["background"]): d for d in config["datasets"]}
    assert list(found) == [("A", "positives"), ("A", "input"), ("B", "positives"), ("B", "aliens")]
    assert found["A", "input"] == {
        "name": "A_input",
        "tf": "A",
        "background": "input",
        "fasta_path": "__ROOTDIR__/test/answers/HTS_A.fasta",
        "answer_path": "__ROOTDIR__/test/answers/HTS_A_input.json",
    }
    assert found["B", "aliens"]["fasta_path"] == "__ROOTDIR__/test/HTS_participants.fasta"
    assert [scorer["backgrounds"] for scorer in config["scorers"]] == [
        ["input", "aliens"],
        ["input", "aliens"],
        ["positives"],
    ]


def test_the_fasta_of_the_answers_has_the_flanks_and_only_own_sequences(tmp_path, rng):
    two_tfs().write(tmp_path, rng)
    flanked = fasta(tmp_path / "test" / "answers" / "HTS_A.fasta")
    hidden = fasta(tmp_path / "test" / "HTS_participants.fasta")
    assert {tag: f"GG{hidden[tag]}TTT" for tag in flanked} == flanked
    assert sorted(flanked.values()) == ["GGAAAATTT", "GGCCCCTTT", "GGGGGGTTT"]


def test_a_named_probe_keeps_its_name_and_bound_by_one_rule_counts(tmp_path, rng):
    test = TestSet("PBM", named=True)
    test.parts["all rows"] = of("AA", "CC", "GG", header=["HK1 x", "HK2 y", "HK3 z"])
    for rule, labels in (("QNZS", [1, 0]), ("SD", [0, 1])):
        part = of("AA", "CC", label=np.array(labels), header=["HK1 x", "HK2 y"])
        test.parts["A", rule] = part
        test.datasets["A", rule] = (("A", rule),)
    assert test.write(tmp_path, rng) == 3
    shown = (tmp_path / "test" / "PBM_participants.fasta").read_text()
    assert shown == ">HK1 x\nAA\n>HK2 y\nCC\n>HK3 z\nGG\n"
    merged = read_answers(tmp_path / "test" / "answers" / "PBM_A.json")
    assert dict(zip(merged.tags.to_pylist(), merged.labels, strict=True)) == {"HK1": 1, "HK2": 1}


def test_tags_are_different_and_in_letters(rng):
    tags = random_tags(5000, rng)
    assert len(set(tags.tolist())) == 5000
    assert all(tag.isalpha() and tag.islower() and len(tag) == 7 for tag in tags)


def test_each_assay_has_its_metrics():
    assert [s["alias"] for s in scorers("CHS")] == ["AUROC", "AUPRC"]
    assert [s["alias"] for s in scorers("SMS")] == ["MAUROC", "MAUPRC"]
    assert scorers("PBM")[1]["params"] == {"type": "integral"}
    assert scorers("PBM")[1]["backgrounds"] == ["all"]
