import numpy as np
import pyarrow as pa
import pytest
from matplotlib.image import imread

from dann_tfbs.data.quality import draw_quality, quality_report
from dann_tfbs.data.table import SCHEMA


def random_texts(rng, n, length=40, gc=0.5):
    shares = [(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]
    return ["".join(rng.choice(list("ACGT"), length, p=shares)) for _ in range(n)]


def table(positives, negatives, splits=("train", "test"), assay="HTS", targets=()):
    texts = [*positives, *negatives, *targets]
    labels = [1] * len(positives) + [0] * len(negatives) + [None] * len(targets)
    n = len(positives) + len(negatives)
    return pa.Table.from_pylist(
        [
            {
                "tag": f"{assay}{i}",
                "sequence": text,
                "label": label,
                "tf": "MYC",
                "assay": assay,
                "source": "x",
                "split": splits[i % len(splits)] if i < n else "target",
            }
            for i, (text, label) in enumerate(zip(texts, labels, strict=True))
        ],
        schema=SCHEMA,
    )


def test_lengths_gc_and_duplicates_by_hand():
    # GC 0, 1/2, 1 of the positives; GGA and TCC are one sequence.
    report = quality_report(table(["AAAA", "ACGA", "GGGG"], ["GGA", "TCC", "A"], ["train"]))
    part = report["assays"]["HTS"]
    assert part["rows"] == 6
    assert part["duplicates"] == 1
    assert part["gc"]["positive"] == {
        "mean": 0.5,
        "sd": pytest.approx(np.sqrt(1 / 6)),
        "smallest": 0.0,
        "largest": 1.0,
    }
    assert part["length"]["negative"]["mean"] == pytest.approx(7 / 3)
    assert part["length"]["negative"]["smallest"] == 1
    # GC: of 9 pairs, positive above negative in 1 (0: above none, ties A; 1/2: above A; 1: all).
    assert part["auroc"]["gc"] == pytest.approx((0.5 + 1 + 3) / 9)
    assert part["auroc"]["length"] == 1
    assert part["auroc"]["composition"] is None
    assert "length alone separates positives from negatives (AUROC 1.00)." in part["warnings"]


def test_the_direction_that_separates_counts(rng):
    poor, rich = random_texts(rng, 200, gc=0.35), random_texts(rng, 200, gc=0.65)
    areas = [
        quality_report(table(*pair))["assays"]["HTS"]["auroc"]["gc"]
        for pair in ((poor, rich), (rich, poor))
    ]
    assert areas[0] == areas[1] > 0.99


def test_composition_alone_is_seen_where_gc_is_equal(rng):
    # Alternating purines and pyrimidines against blocks of them: the same letters in other pairs.
    blocks = ["".join(rng.permutation(["AAAA", "GGGG", "CCCC", "TTTT"])) for _ in range(100)]
    mixed = ["".join(rng.permutation(["ACAC", "GTGT", "ACAC", "GTGT"])) for _ in range(100)]
    part = quality_report(table(blocks, mixed))["assays"]["HTS"]
    assert part["auroc"]["gc"] == 0.5
    assert part["auroc"]["composition"] > 0.99
    assert part["warnings"] == [
        "dinucleotide composition alone separates positives from negatives (AUROC 1.00)."
    ]


def test_random_sequences_of_one_kind_raise_no_warning(rng):
    texts = random_texts(rng, 2000)
    report = quality_report(table(texts[:1000], texts[1000:]))
    part = report["assays"]["HTS"]
    # The sd of an AUROC over 1000 and 1000 by chance is .013.
    assert part["auroc"]["gc"] < 0.54
    assert part["auroc"]["composition"] < 0.54
    assert part["auroc"]["length"] == 0.5
    assert part["warnings"] == report["warnings"] == []


def test_equal_and_similar_sequences_in_two_splits_are_counted_across_assays(rng):
    texts = random_texts(rng, 400)
    turned = texts[1][::-1].translate(str.maketrans("ACGT", "TGCA"))
    train = table(texts[:100], texts[100:200], ["train"])
    similar = "AAAAAAAAA" + texts[2][:31]
    test = table([texts[0], turned, similar], texts[200:300], ["test"], assay="CHS")
    report = quality_report(pa.concat_tables([train, test]))
    assert report["leakage"] == {
        "test in train": {"exact": 1, "reverse_complement": 1, "shared_kmer": 3}
    }
    assert report["warnings"] == [
        "of 103 sequences, 2 stand equal and 3 equal or similar (a shared 31-mer) in another "
        "split: test in train."
    ]
    # One of 103 that only resembles is below 1 %; of 50 it is above.
    for n, warned in ((102, 0), (49, 1)):
        few = table([similar], texts[200 : 200 + n], ["test"], assay="CHS")
        assert len(quality_report(pa.concat_tables([train, few]))["warnings"]) == warned


def test_a_split_that_holds_one_label_is_warned_of(rng):
    texts = random_texts(rng, 60)
    both = pa.concat_tables([table(texts[:20], texts[20:40], ["train"]),
                             table([], texts[40:50], ["test"]),
                             table(texts[50:], [], ["validation"])])  # fmt: skip
    warnings = quality_report(both)["assays"]["HTS"]["warnings"]
    assert "the split test holds no positive." in warnings
    assert "the split validation holds no negative." in warnings
    assert not any("train" in warning for warning in warnings)


def test_unlabelled_rows_do_not_count(rng):
    texts = random_texts(rng, 40)
    bare = table(texts[:20], texts[20:], ["train"])
    more = table(texts[:20], texts[20:], ["train"], targets=["GGGG", texts[0]])
    assert quality_report(bare) == quality_report(more)


@pytest.mark.parametrize("varies", [False, True])
def test_the_figure_shows_length_only_where_it_varies(rng, tmp_path, varies):
    made = table(random_texts(rng, 30), random_texts(rng, 30, 30 if varies else 40))
    draw_quality(made, quality_report(made), tmp_path / "q.png")
    height, width, _ = imread(tmp_path / "q.png").shape
    assert width / height > 3.5 if varies else width / height < 3
    first = (tmp_path / "q.png").read_bytes()
    draw_quality(made, quality_report(made), tmp_path / "q.png")
    assert (tmp_path / "q.png").read_bytes() == first


def test_one_sided_tables_can_be_drawn(rng, tmp_path):
    made = pa.concat_tables([table(random_texts(rng, 5), []), table([], ["A"], assay="CHS")])
    report = quality_report(made)
    assert report["assays"]["HTS"]["auroc"] == {}
    draw_quality(made, report, tmp_path / "q.png")
    assert imread(tmp_path / "q.png").std() > 0
