"""The settings of `dann-tfbs prepare`: which files, which negatives, which splits."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from dann_tfbs.assays import PEAK_WINDOW, get_assay
from dann_tfbs.config import AssayCode
from dann_tfbs.settings import StrictSettings

NegativeKind = Literal["random", "gc", "shades", "aliens", "input", "control", "shuffle", "probes"]
GENOME_KINDS = ("random", "gc", "shades")


class SplitSettings(StrictSettings):
    """Which rows train, which validate, which test."""

    by: Literal["auto", "chromosome", "hash", "group", "all"] = "auto"
    """`chromosome` (where there are coordinates), `hash` of the sequence (near-duplicates on one
    side), `group` (replicates or files), or `all` rows in one split; `auto` is chromosome or hash.
    """
    validation: float = Field(0.1, ge=0, lt=1)
    """Share of the rows outside the test split that validate."""
    test: float = Field(0.1, ge=0, lt=1)
    """Share of the rows that test, for `hash`."""
    test_chromosomes: tuple[str, ...] = ()
    """Chromosomes that test, for `chromosome` (`auto` becomes that); none means IBIS: odd numbers
    and sex chromosomes train, even numbers test, other sequences are left out."""
    test_groups: tuple[str, ...] = ()
    """Groups that test, for `group`: a row tests if its group ends in one of these. Negatives of
    groups that no positive is in (aliens, genome) are spread like the positives."""
    name: Literal["train", "validation", "test"] = "test"
    """The one split, for `all`."""

    @model_validator(mode="after")
    def _groups_named(self) -> SplitSettings:
        if self.by == "group" and not self.test_groups:
            raise ValueError("a split by group needs test_groups")
        if self.by != "group" and self.test_groups:
            raise ValueError("test_groups go with by: group")
        if self.by not in ("auto", "chromosome") and self.test_chromosomes:
            raise ValueError("test_chromosomes go with by: chromosome")
        return self


class Recipe(StrictSettings):
    """What a prepared table is made of."""

    tf: str
    """Transcription factor."""
    assays: tuple[AssayCode, ...] = Field(min_length=1)
    """Assays whose bound sequences become positives."""
    target: AssayCode | None = None
    """Assay to be predicted: its ratio is the default; none means the first of `assays`."""
    ibis_root: Path | None = None
    """Folder in the IBIS layout; this or `sheet`."""
    sheet: Path | None = None
    """Sample sheet (TSV: path, tf, assay, replicate, cycle, role). Its files of role `target` (of
    this TF or of none) become unlabelled rows, whole, in a split of their own."""
    files: str = "*"
    """Pattern of the names of the positive files, such as `*DREAM5ME*`."""
    pool_files: str = "*"
    """Pattern of the names of the files that negatives are drawn from."""
    genome: Path | None = None
    """FASTA (plain or bgzip), for peaks and for negatives out of the genome."""
    blacklist: Path | None = None
    """BED of regions without positives and negatives; needs a genome."""
    window: int = Field(PEAK_WINDOW, ge=1)
    """Length in bp of the window around a peak's summit."""
    length: int | None = Field(None, ge=1)
    """Cut every sequence to its middle so many bp and drop shorter ones, so that length tells
    nothing; none keeps sequences as they are."""
    cycles: Literal["last", "all"] | tuple[int, ...] = "last"
    """SELEX cycles whose reads are positives."""
    max_positives: int | None = Field(None, ge=1)
    """Keep at most so many positives an assay, drawn at random."""
    negatives: dict[NegativeKind, float] | None = None
    """Kinds of negatives with their weights; none means what fits the assay and the files."""
    ratio: float | Literal["all"] | None = None
    """Negatives per positive; none means the target assay's; `all` takes every unbound probe."""
    gc_match: bool = True
    """Whether aliens, input, control and probes follow the GC histogram of the positives."""
    split: SplitSettings = SplitSettings()
    seed: int = Field(0, ge=0)

    @field_validator("ratio")
    @classmethod
    def _positive_ratio(cls, value: Any) -> Any:
        if value is not None and value != "all" and not 0 <= value < math.inf:
            raise ValueError("the ratio must be zero or more")
        return value

    @field_validator("assays")
    @classmethod
    def _different_assays(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("an assay is named twice")
        return value

    @model_validator(mode="after")
    def _one_origin(self) -> Recipe:
        if (self.ibis_root is None) == (self.sheet is None):
            raise ValueError("give either ibis_root or sheet")
        if self.blacklist is not None and self.genome is None:
            raise ValueError("a blacklist needs a genome")
        if self.negatives is not None:
            wanted = [kind for kind in GENOME_KINDS if kind in self.negatives]
            if wanted and self.genome is None:
                raise ValueError(f"negatives of kind {wanted[0]} need a genome")
        return self

    @property
    def negatives_per_positive(self) -> float | Literal["all"]:
        """The ratio in force."""
        if self.ratio is not None:
            return self.ratio
        return get_assay(self.target or self.assays[0]).negatives_per_positive
