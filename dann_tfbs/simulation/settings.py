"""What a simulated package is made of: sizes, seed and the parameters of the binding model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Scale = Literal["small", "medium", "full"]

SCALES: dict[Scale, dict[str, int]] = {
    "small": {"peaks": 1_500, "reads": 4_000, "probes": 4_000},
    "medium": {"peaks": 5_000, "reads": 20_000, "probes": 20_000},
    "full": {"peaks": 15_000, "reads": 100_000, "probes": 40_330},
}
"""Training peaks per TF and assay, reads per file and probes per array of each scale."""


class SimulationSettings(BaseModel):
    """Settings of `dann_tfbs.simulation.package.simulate`; the equations are in its documentation.

    The defaults are the scale `small`. Concentrations are in units of the dissociation constant of
    a typical site: at concentration 1 such a site, alone, is bound half of the time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tfs: tuple[str, ...] = Field(
        (), description="TFs to simulate; empty: FOXA1 and CEBPB, or all of `meme`."
    )
    meme: Path | None = Field(None, description="MEME file with the TFs' matrices; none: built in.")
    seed: int = Field(0, ge=0)

    peaks: int = Field(SCALES["small"]["peaks"], ge=50, description="Training peaks per TF.")
    reads: int = Field(SCALES["small"]["reads"], ge=100, description="Reads per file.")
    probes: int = Field(
        SCALES["small"]["probes"], ge=500, le=40_330, description="Probes per array design."
    )

    min_affinity: float = Field(
        0.02,
        gt=0,
        lt=0.1,
        description="Sites weaker than this share of a typical one do not count.",
    )
    chs_concentration: float = Field(2.0, gt=0)
    ghts_concentration: float = Field(1.0, gt=0)
    hts_concentration: float = Field(2.0, gt=0)
    sms_concentration: float = Field(2.0, gt=0)
    pbm_concentration: float = Field(4.0, gt=0)

    cofactor_boost: float = Field(3.0, ge=0, description="CHS: gain of a fully bound co-factor.")
    indirect_share: float = Field(
        0.15, ge=0, lt=1, description="CHS: peaks bound through the co-factor alone."
    )
    chs_gc_bias: float = Field(4.0, description="CHS: log gain per unit of GC content.")
    ghts_gc_bias: float = Field(-4.0, description="GHTS: log gain per unit of GC content.")
    summit_jitter: float = Field(30.0, ge=0, description="Standard deviation in bp.")

    hts_carry_over: float = Field(
        0.02, gt=0, description="Chance that an unbound molecule passes a SELEX cycle."
    )
    hts_drift: float = Field(
        0.25, ge=0, description="Log gain of one sd of amplification bias per SELEX cycle."
    )
    sms_noise: float = Field(0.1, ge=0, lt=1, description="Share of SMS reads that were not bound.")
    sms_composition: float = Field(
        0.12, ge=0, description="Strength of the composition bias of bound SMS libraries."
    )
    pbm_background: float = Field(0.4, gt=0, description="Sd of the log background intensity.")
    pbm_noise: float = Field(0.5, ge=0, description="Sd of the log specific intensity.")

    @classmethod
    def for_scale(cls, scale: Scale, **changes: Any) -> SimulationSettings:
        """Return the settings of a scale, with some values changed."""
        return cls(**{**SCALES[scale], **changes})
