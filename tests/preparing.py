"""Recipes of the small package of `tests/data/conftest.py`, and what `prepare` makes of them."""

from dann_tfbs.data.prepare import prepare
from dann_tfbs.data.recipe import Recipe
from dann_tfbs.data.table import read_table
from dann_tfbs.settings import validated


def recipe(package, assay, **more):
    values = {"tf": "MYC", "assays": [assay], "ibis_root": package} | more
    return validated(Recipe, values, "recipe")


def with_genome(package, **more):
    return recipe(package, "CHS", genome=package / "genome.fa", **more)


def rows(made, out):
    manifest = prepare(made, out)
    return manifest, read_table(out).to_pylist()


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
