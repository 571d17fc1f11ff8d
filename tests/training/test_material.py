"""What a training reads: streams, pools and domains."""

import pyarrow as pa
import pytest
import torch
from planted import planted_table, pool_rows, rows, small_experiment

from dann_tfbs.data.table import SCHEMA, read_table, write_table
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import N, decode, encode, from_codes
from dann_tfbs.training.dataset import labelled_table
from dann_tfbs.training.material import gather, unlabelled_sequences
from dann_tfbs.training.train import train


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Two genomic assays; reads of 20 bp and probes of 17 bp without labels."""
    pools = [*pool_rows("HTS", 50), *pool_rows("PBM", 31, 17)]
    return planted_table(
        tmp_path_factory.mktemp("table"), ("CHS", "GHTS"), n=60, validation=20, extra=pools
    )


def gathered(path, source="CHS", **values):
    data = {"source": source, "score_length": "train"} | values.pop("data", {})
    experiment = small_experiment(path, data=data, **values)
    return gather(experiment, labelled_table(experiment.data, path), path, source)


def adapting(kind="moments", **settings):
    return {"alignments": [{"kind": kind}], **settings}


def texts(codes):
    return decode(from_codes(codes.numpy()))


def test_without_alignments_no_pool_is_read(table):
    material = gathered(table)
    assert material.pools == []
    assert material.domains == ["CHS"]
    assert [stream.name for stream in material.streams] == [()]
    assert list(material.validation) == ["HTS"]


def test_pools_keep_their_sequences_and_sources_are_cut_to_their_length(table):
    material = gathered(table, adaptation=adapting(), data={"score_length": "own"})
    sizes = {pool.assay: tuple(pool.codes.shape) for pool in material.pools}
    assert sizes == {"HTS": (50, 20), "PBM": (31, 17)}
    assert texts(material.pools[0].codes) == [row["sequence"] for row in pool_rows("HTS", 50)]
    assert [tuple(p.aligned["CHS"].codes.shape) for p in material.pools] == [(60, 20), (60, 17)]
    assert material.domains == ["CHS", "HTS unlabelled", "PBM unlabelled"]


def test_padded_pools_meet_sources_padded_alike(table):
    material = gathered(table, adaptation=adapting())
    for pool, length in zip(material.pools, (20, 17), strict=True):
        width = 24 + (24 - length) % 2
        for codes in (pool.codes, pool.aligned["CHS"].codes):
            assert codes.shape[1] == width
            side = (width - length) // 2
            inside = codes[:, side : width - side]
            assert (inside != N).all()
            assert (codes != N).sum() == inside.numel()


def test_lengths_need_not_match(table):
    adaptation = adapting(match_length=False)
    material = gathered(table, adaptation=adaptation, data={"score_length": "own"})
    shapes = [(p.codes.shape[1], p.aligned["CHS"].codes.shape[1]) for p in material.pools]
    assert shapes == [(20, 24), (17, 24)]


def test_both_is_one_labelled_stream_but_two_domains_to_align(table):
    material = gathered(table, "both", adaptation=adapting())
    assert [len(stream.data) for stream in material.streams] == [120]
    assert list(material.pools[0].aligned) == ["CHS", "GHTS"]
    assert {"CHS", "GHTS", "HTS unlabelled"} <= set(material.domains)
    for name in ("CHS", "GHTS"):
        experiment = small_experiment(table, data={"source": name})
        labelled = labelled_table(experiment.data, table).filter(pa.compute.field("assay") == name)
        labels = [r["label"] for r in labelled.to_pylist() if r["split"] == "train"]
        assert material.pools[0].aligned[name].labels[0].tolist() == labels


def test_files_join_the_rows_of_the_table(table, tmp_path):
    (tmp_path / "more.fa").write_text(">a\nACGTACGTAC\n>b\nTTTTTTTTTT\n")
    experiment = small_experiment(table, data={"unlabelled": {"HTS": tmp_path / "more.fa"}})
    found = unlabelled_sequences(experiment, table)
    assert list(found) == ["HTS", "PBM"]
    assert decode(found["HTS"])[-2:] == ["ACGTACGTAC", "TTTTTTTTTT"]
    assert len(found["HTS"]) == 52
    (tmp_path / "none.txt").write_text("")
    for name, message in (("none.txt", "none.txt"), ("absent.fa", "absent.fa")):
        experiment = small_experiment(table, data={"unlabelled": {"HTS": tmp_path / name}})
        with pytest.raises(InputError, match=message):
            unlabelled_sequences(experiment, table)


def test_unequal_lengths_in_a_pool_end_at_one_and_none_beyond_the_window(table, tmp_path):
    lines = ["ACGT" * 3, "ACGT" * 4, "ACGT" * 12]
    (tmp_path / "reads.txt").write_text("\n".join(lines) + "\n")
    data = {"unlabelled": {"SMS": tmp_path / "reads.txt"}, "score_length": "own"}
    pools = {p.assay: p for p in gathered(table, adaptation=adapting(), data=data).pools}
    shown = texts(pools["SMS"].codes)
    assert {len(text) for text in shown} == {24}
    assert [text.strip("N") for text in shown] == [*lines[:2], ("ACGT" * 12)[12:36]]


def test_a_table_of_several_tfs_gives_the_pool_of_the_runs_own(tmp_path):
    others = [row | {"tf": "YY1", "sequence": "T" * 20} for row in pool_rows("HTS", 9)]
    labelled = planted_table(tmp_path / "t", n=40, validation=10)
    more = [row | {"tf": "YY1"} for row in read_table(labelled).to_pylist()]
    both = planted_table(
        tmp_path / "t", n=40, validation=10, extra=[*pool_rows("HTS", 12), *others, *more]
    )
    (pool,) = gathered(both, adaptation=adapting(), data={"tf": "FOXA1"}).pools
    assert len(pool.codes) == 12
    (pool,) = gathered(both, adaptation=adapting(), data={"tf": "YY1"}).pools
    assert len(pool.codes) == 9


@pytest.mark.parametrize("adaptation", [adapting(), {"adabn": True}])
def test_without_any_pool_the_error_says_what_to_give(tmp_path, adaptation):
    path = planted_table(tmp_path, n=40, validation=10)
    with pytest.raises(InputError, match=r"data\.unlabelled.*HTS.*--unlabelled FILE.*`target`"):
        gathered(path, adaptation=adaptation)


def test_adabn_needs_the_pool_of_the_target_itself(tmp_path):
    path = planted_table(tmp_path, n=40, validation=10, extra=pool_rows("PBM", 20))
    with pytest.raises(InputError, match=r"data\.unlabelled.*unlabelled sequences.*HTS"):
        gathered(path, adaptation={"adabn": True})


def test_an_alignment_of_labelled_assays_needs_no_pool(tmp_path, rng):
    path = planted_table(tmp_path, n=40, validation=10, extra=rows("HTS", "train", 20, rng))
    heads = {"HTS": {}}
    material = gathered(path, mode="multihead", heads=heads, adaptation=adapting("contrastive"))
    assert material.pools == []
    assert material.domains == ["CHS", "HTS"]


def test_a_head_of_the_source_itself_has_no_own_stream(table):
    material = gathered(table, mode="multihead", heads={"HTS": {}, "CHS": {}})
    assert [stream.domain for stream in material.streams] == ["CHS", "CHS"]


def test_own_rows_join_their_head_alone(tmp_path, rng):
    own = [*rows("PBM", "train", 26, rng, length=18), *rows("PBM", "validation", 10, rng)]
    path = planted_table(tmp_path, n=40, validation=10, extra=own)
    heads = {"HTS": {}, "PBM": {"window": 18}}
    streams = gathered(path, mode="multihead", heads=heads).streams
    assert [(s.name, s.domain, len(s.data)) for s in streams] == [
        ((), "CHS", 40),
        (("PBM",), "CHS", 40),
        (("PBM", "own"), "PBM", 26),
    ]
    assert texts(streams[2].data.codes) == [row["sequence"] for row in own[:26]]
    assert [s.name for s in gathered(path).streams] == [()]


def test_own_rows_of_one_class_do_not_join(tmp_path, rng):
    own = [row for row in rows("HTS", "train", 20, rng) if row["label"] == 1]
    path = planted_table(tmp_path, n=40, validation=10, extra=own)
    assert len(gathered(path, mode="multihead", heads={"HTS": {}}).streams) == 1


def test_labels_of_unlabelled_rows_are_never_read(tmp_path):
    """Neither from the table nor from a table that is given as a file."""
    poisoned = [row | {"label": 1} for row in pool_rows("HTS", 20)]
    path = planted_table(tmp_path / "table", n=40, validation=10, extra=poisoned)
    other = tmp_path / "other.parquet"
    write_table(other, pa.Table.from_pylist(poisoned, schema=SCHEMA))
    material = gathered(
        path, adaptation=adapting(), data={"unlabelled": {"HTS": other}}, mode="multihead",
        heads={"HTS": {}},
    )  # fmt: skip
    assert [len(s.data) for s in material.streams] == [40]
    assert len(material.pools[0].codes) == 40
    assert not hasattr(material.pools[0], "labels")


def test_codes_of_a_pool_are_what_the_run_scores(table):
    """The same way to one length as `TrainedModel.logits`."""
    from dann_tfbs.model.scoring import fitted_to_window

    for way in ("own", "train"):
        material = gathered(table, adaptation=adapting(), data={"score_length": way})
        expected = fitted_to_window(
            encode(row["sequence"] for row in pool_rows("HTS", 50)), 24, way
        )
        assert torch.equal(material.pools[0].codes, torch.from_numpy(expected.codes))


def test_a_file_that_is_not_there_is_an_error_even_where_no_mode_reads_it(table, tmp_path):
    experiment = small_experiment(table, data={"source": "CHS", "unlabelled": {"HTS": "absent.fa"}})
    with pytest.raises(InputError, match=r"absent\.fa.*no such file"):
        train(experiment, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_held_out_sequences_of_a_pool_are_cut_as_those_aligned_with_it(tmp_path):
    path = planted_table(tmp_path / "table", extra=pool_rows("HTS", 30, length=12))
    experiment = small_experiment(
        path,
        mode="dann",
        heads={"HTS": {"window": 24}},
        data={"source": "CHS", "score_length": "train"},
    )
    table = labelled_table(experiment.data, path)
    (pool,) = gather(experiment, table, path, "CHS").pools
    assert pool.held_out is not None
    assert pool.held_out.codes.shape == (200, 24)
    assert (pool.held_out.codes[:, :6] == 4).all()
    assert (pool.held_out.codes[:, 6:18] < 4).all()
    assert pool.aligned["CHS"].codes.shape == (320, 24)


@pytest.mark.parametrize(("align", "domains"), [("background", ["CHS"]), ("all", ["CHS", "GHTS"])])
def test_an_assay_without_background_is_not_aligned_by_its_bound_sequences(
    tmp_path, rng, align, domains
):
    bound = [row for row in rows("GHTS", "train", 20, rng) if row["label"] == 1]
    path = planted_table(tmp_path, n=40, validation=10, extra=[*bound, *pool_rows("HTS", 30)])
    (pool,) = gathered(path, "both", adaptation=adapting(align=align)).pools
    assert list(pool.aligned) == domains


@pytest.mark.parametrize(
    ("companions", "match"),
    [
        ({"FOXA1": ["."]}, "FOXA1 is the TF of the run itself"),
        ({"YY1": []}, r"companions\.YY1: no table of YY1 is named"),
    ],
)
def test_companions_are_other_tfs_with_tables(table, companions, match):
    data = {"tf": "FOXA1", "companions": companions}
    with pytest.raises(InputError, match=match):
        gathered(table, mode="multihead", data=data)


def test_a_contrast_of_one_assay_is_reported(table, caplog):
    gathered(table, adaptation=adapting("contrastive"))
    assert "two assays or more; all are of CHS" in caplog.text
