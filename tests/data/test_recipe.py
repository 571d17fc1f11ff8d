import math
from pathlib import Path

import pytest

from dann_tfbs.data.recipe import Recipe
from dann_tfbs.errors import InputError
from dann_tfbs.settings import as_plain, validated

LEAST = {"tf": "MYC", "assays": ["CHS"], "ibis_root": "data"}


def made(**more):
    return validated(Recipe, LEAST | more, "recipe.yaml")


@pytest.mark.parametrize(
    ("target", "ratio"), [("HTS", 10), ("SMS", 5), ("PBM", 1), ("CHS", 1), ("GHTS", 1)]
)
def test_the_ratio_is_that_of_the_target_assay(target, ratio):
    assert made(target=target).negatives_per_positive == ratio


def test_the_first_assay_is_the_target_unless_one_is_named_and_a_stated_ratio_wins():
    assert made(assays=["HTS", "CHS"]).negatives_per_positive == 10
    assert made(target="HTS", ratio=2.5).negatives_per_positive == 2.5
    assert made(target="HTS", ratio="all").negatives_per_positive == "all"
    assert made(ratio=0).negatives_per_positive == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sheet": "s.tsv"}, "either ibis_root or sheet"),
        ({"ibis_root": None}, "either ibis_root or sheet"),
        ({"negatives": {"shades": 1}}, "kind shades need a genome"),
        ({"blacklist": "b.bed"}, "a blacklist needs a genome"),
        ({"ratio": -1}, r"\[ratio.*zero or more"),
        ({"ratio": math.nan}, "zero or more"),
        ({"ratio": math.inf}, "zero or more"),
        ({"ratio": "most"}, r"recipe\.yaml \[ratio"),
        ({"assays": ["CHS", "CHS"]}, "named twice"),
        ({"assays": []}, r"\[assays\]"),
        ({"assays": ["ChIP"]}, "CHS"),
        ({"split": {"by": "group"}}, "needs test_groups"),
        ({"split": {"test_groups": ["R1"]}}, "test_groups go with by: group"),
        ({"split": {"by": "hash", "test_chromosomes": ["chr1"]}}, "by: chromosome"),
        ({"split": {"validation": 1}}, r"\[split\.validation\]"),
        ({"seeds": 3}, r"\[seeds\].*no such key.*seed"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(wrong, message):
    with pytest.raises(InputError, match=message):
        made(**wrong)


def test_a_recipe_survives_a_round_trip_through_plain_values():
    recipe = made(genome=Path("g.fa"), cycles=[2, 3], negatives={"gc": 2, "shades": 1})
    assert validated(Recipe, as_plain(recipe), "copy") == recipe
