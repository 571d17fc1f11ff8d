import numpy as np
import pytest
from planted import planted_table, rows

from dann_tfbs.errors import InputError
from dann_tfbs.experiments.audit_domains import read_domains
from dann_tfbs.sequence import decode


def marked(assay, split, letter, n, label, tf="FOXA1"):
    """Rows whose sequences say what they are."""
    return [
        {
            "tag": f"{assay}{split}{letter}{number}", "sequence": letter * 30, "label": label,
            "tf": tf, "assay": assay, "source": "target", "split": split,
        }
        for number in range(n)
    ]  # fmt: skip


def test_assays_of_the_table_without_its_test_split(tmp_path):
    extra = marked("CHS", "test", "G", 50, 1)
    table = planted_table(tmp_path, ("HTS", "CHS"), n=30, validation=10, extra=extra)
    found = read_domains(table, [])
    assert list(found) == ["CHS", "HTS"]
    for domain in found.values():
        assert len(domain.sequences) == 40
        assert (domain.labels == 1).sum() == (domain.labels == 0).sum() == 20
        assert "G" * 30 not in decode(domain.sequences)


def test_unlabelled_rows_are_a_domain_of_their_own_and_their_labels_are_not_read(tmp_path):
    extra = [
        *marked("HTS", "target", "A", 12, 1),  # a label that nobody may see
        *marked("CHS", "train", "C", 11, None),
    ]
    table = planted_table(tmp_path, n=30, validation=10, extra=extra)
    found = read_domains(table, [])
    assert {name: len(domain.sequences) for name, domain in found.items()} == {
        "CHS": 40, "CHS unlabelled": 11, "HTS": 12,
    }  # fmt: skip
    assert set(found["HTS"].labels) == set(found["CHS unlabelled"].labels) == {-1}
    assert set(found["CHS"].labels) == {0, 1}


def test_files_join_by_name_and_stand_beside_labelled_ones(tmp_path):
    table = planted_table(tmp_path / "table", n=30, validation=10)
    (tmp_path / "a.txt").write_text("ACGTAC\n" * 3)
    (tmp_path / "b.fasta").write_text(">x\nGGGG\n")
    files = [
        ("PBM", tmp_path / "a.txt"),
        ("PBM", tmp_path / "b.fasta"),
        ("CHS", tmp_path / "a.txt"),
    ]
    found = read_domains(table, files)
    assert list(found) == ["CHS", "PBM", "CHS unlabelled"]
    assert decode(found["PBM"].sequences) == ["ACGTAC"] * 3 + ["GGGG"]
    assert list(read_domains(None, files)) == ["PBM", "CHS"]


def test_a_pool_of_the_table_and_a_file_of_that_name_are_an_error(tmp_path):
    table = planted_table(tmp_path, n=30, extra=marked("HTS", "target", "A", 12, None))
    (tmp_path / "a.txt").write_text("ACGTAC\n" * 3)
    with pytest.raises(InputError, match="holds unlabelled sequences of HTS as well"):
        read_domains(table, [("HTS", tmp_path / "a.txt")])


def test_a_sample_is_drawn_evenly_without_replacement_whatever_the_chunks(tmp_path, monkeypatch):
    texts = ["".join("ACGT"[(n >> shift) & 3] for shift in (0, 2, 4, 6, 8)) for n in range(1000)]
    path = tmp_path / "reads.txt"
    path.write_text("\n".join(texts))
    found = decode(read_domains(None, [("HTS", path)], most=200)["HTS"].sequences)
    assert len(set(found)) == 200
    places = np.array([texts.index(text) for text in found])
    assert (np.diff(places) > 0).all()
    # Each fifth of the file has about a fifth of the sample (sd 5.7).
    assert (np.abs(np.histogram(places, 5, (0, 1000))[0] - 40) < 20).all()

    from dann_tfbs.experiments import audit_domains

    read = audit_domains.read_scoring_input
    monkeypatch.setattr(audit_domains, "read_scoring_input", lambda path: read(path, 37))
    again = decode(read_domains(None, [("HTS", path)], most=200)["HTS"].sequences)
    assert again == found
    assert decode(read_domains(None, [("HTS", path)], most=200, seed=1)["HTS"].sequences) != found


def test_the_sample_of_an_assay_does_not_depend_on_the_others(tmp_path):
    table = planted_table(tmp_path / "table", ("CHS", "HTS"), n=60)
    (tmp_path / "a.txt").write_text("ACGTAC\n" * 3)
    alone = read_domains(table, [], most=20)
    beside = read_domains(table, [("PBM", tmp_path / "a.txt")], most=20)
    assert len(alone["HTS"].sequences) == 20
    assert decode(alone["HTS"].sequences) == decode(beside["HTS"].sequences)


def test_sequences_are_cut_to_their_middle(tmp_path):
    (tmp_path / "a.txt").write_text("AACGTT\nACG\n")
    found = read_domains(None, [("HTS", tmp_path / "a.txt")], length=4)
    assert decode(found["HTS"].sequences) == ["ACGT", "ACG"]


def test_a_table_of_several_tfs_needs_a_name(tmp_path, rng):
    other = [row | {"tf": "MAX", "tag": f"M{row['tag']}"} for row in rows("CHS", "train", 14, rng)]
    table = planted_table(tmp_path, n=30, validation=10, extra=other)
    with pytest.raises(InputError, match=r"several TFs \(FOXA1, MAX\)"):
        read_domains(table, [])
    assert len(read_domains(table, [], tf="MAX")["CHS"].sequences) == 14
    with pytest.raises(InputError, match="no training rows of 'YY1'"):
        read_domains(table, [], tf="YY1")


def test_sequences_without_bases_are_refused(tmp_path):
    (tmp_path / "a.fasta").write_text(">x\nACGT\n>y\n>z\nACGT\n")
    with pytest.raises(InputError, match=r"a\.fasta.*without bases"):
        read_domains(None, [("HTS", tmp_path / "a.fasta")])
