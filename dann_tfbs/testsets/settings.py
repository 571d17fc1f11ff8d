"""The settings of `dann-tfbs benchmark build`: from which data, for which TFs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from dann_tfbs.assays import PEAK_WINDOW
from dann_tfbs.config import AssayCode
from dann_tfbs.settings import StrictSettings

Stage = Literal["Leaderboard", "Final"]


class BuildSettings(StrictSettings):
    """What test sets are made of."""

    ibis_root: Path | None = None
    """Folder in the IBIS layout."""
    prepared: tuple[Path, ...] = ()
    """Prepared tables; their rows of split `test` are used."""
    assays: tuple[AssayCode, ...] = ()
    """Assays to build; none means all that the data have."""
    tfs: tuple[str, ...] = ()
    """TFs that get test sets; none means all. The others still serve as aliens."""
    stage: Stage = "Final"
    """The name of the stage in the output."""
    genome: Path | None = None
    """FASTA (plain or bgzip), for CHS and GHTS."""
    blacklist: Path | None = None
    """BED of regions that no window may touch."""
    window: int = Field(PEAK_WINDOW, ge=1)
    """Length in bp of a genomic window."""
    test_chromosomes: tuple[str, ...] = ()
    """Chromosomes of the test windows; none means those of even number."""
    files: dict[AssayCode, str] = Field({})
    """By assay, a pattern of the names of the files that test, such as `*_HK_*`."""
    max_positives: dict[AssayCode, int] = Field({"HTS": 100_000})
    """By assay, the most positives of a TF."""
    exact: bool = False
    """Refuse data that have fewer negatives than the published ratio asks for."""
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _some_origin(self) -> BuildSettings:
        if self.ibis_root is None and not self.prepared:
            raise ValueError("give ibis_root or prepared")
        if self.blacklist is not None and self.genome is None:
            raise ValueError("a blacklist needs a genome")
        if any(most < 1 for most in self.max_positives.values()):
            raise ValueError("max_positives must be 1 or more")
        return self
