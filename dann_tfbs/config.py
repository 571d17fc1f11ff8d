"""The one typed description of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from dann_tfbs.assays import ASSAYS, get_assay
from dann_tfbs.settings import StrictSettings

AssayCode = Literal["CHS", "GHTS", "HTS", "SMS", "PBM"]


class Architecture(StrictSettings):
    """Layout of the network; the default has exactly 3402 trainable parameters."""

    backbone: str = "separable"
    """`separable`, the layout described by the keys below; `legnet`, `convnext`, `embedding` or
    `lstm` (`dann_tfbs.model.backbones`); or `module:Class`: a class of one's own (see
    `dann_tfbs.model.network.make_backbone`)."""
    backbone_settings: dict[str, Any] = Field({})
    """Settings of a backbone other than `separable`."""
    stem_widths: tuple[int, ...] = Field((9, 13, 17), min_length=1)
    """Widths in bp of the parallel convolutions of the stem; odd."""
    stem_channels: int = Field(4, ge=1)
    """Output channels of each parallel convolution."""
    blocks: int = Field(2, ge=0)
    """Number of separable residual blocks."""
    expansion: int = Field(3, ge=1)
    """Channels inside a block per channel outside it."""
    depthwise_width: int = Field(7, ge=1)
    """Width in bp of the depthwise convolution; odd."""
    squeeze: Literal["expanded", "output", "none"] = "output"
    """Where squeeze-and-excitation stands in a block."""
    squeeze_reduction: int = Field(4, ge=1)
    """Channels per channel of the squeezed vector."""
    head_bias: bool = False
    """Whether the 1×1 head has a bias."""
    pooling: Literal["mean", "max"] = "mean"
    """How the logits of all positions become the logit of the sequence."""

    @property
    def channels(self) -> int:
        """Channels between blocks."""
        return self.stem_channels * len(self.stem_widths)

    @field_validator("stem_widths", "depthwise_width")
    @classmethod
    def _odd(cls, value: Any) -> Any:
        widths = value if isinstance(value, tuple) else (value,)
        if any(width < 1 or width % 2 == 0 for width in widths):
            raise ValueError("widths must be odd, so that a convolution keeps the length")
        return value


PRESETS: dict[str, Architecture] = {
    "double": Architecture(),
    "triple": Architecture(stem_widths=(7, 11), blocks=3, depthwise_width=9, squeeze="expanded"),
    "triple-wide-stem": Architecture(
        stem_widths=(15, 21), blocks=3, depthwise_width=5, squeeze="expanded"
    ),
    "single": Architecture(
        stem_widths=(11, 15, 19),
        blocks=1,
        expansion=5,
        depthwise_width=13,
        squeeze_reduction=2,
    ),
    "single-narrow": Architecture(
        stem_widths=(9, 13),
        stem_channels=5,
        blocks=1,
        expansion=5,
        depthwise_width=9,
        squeeze="expanded",
    ),
}
"""Named layouts, each with exactly 3402 trainable parameters."""

DEFAULT_PRESET = "double"


class DataSettings(StrictSettings):
    """What a run learns from and what it is meant to predict."""

    path: Path | None = None
    """Folder written by `dann-tfbs prepare`; none means the built-in simulated set."""
    tf: str | None = None
    """Transcription factor to use; may be left out where the table holds one."""
    source: Literal["auto", "both", "CHS", "GHTS", "HTS", "SMS", "PBM"] = "auto"
    """Assay(s) to train on: a code, `both` (CHS and GHTS), or `auto` (best by held-out data)."""
    target: AssayCode = "HTS"
    """Assay to predict: sets the defaults of window and ratio."""
    window: int | None = Field(None, ge=1)
    """Training window in bp (centre crop); none means the target assay's."""
    score_length: Literal["auto", "own", "train"] = "auto"
    """How a sequence shorter than the training window is scored: as it is (`own`), or N-padded to
    it (`train`); `auto` takes what is better on held-out source sequences cut to the target's
    length."""
    target_length: int | None = Field(None, ge=1)
    """Length in bp of the target's sequences, for `score_length: auto`; none means the assay's."""
    unlabelled: dict[AssayCode, Path] = Field({})
    """Unlabelled sequences of assays to be predicted (any file that `predict` reads), beside the
    rows of split `target` in the table."""
    companions: dict[str, tuple[Path, ...]] = Field({})
    """Prepared folders of other TFs, by TF. Their heads share the backbone; those measured by the
    source and the target teach the step from one to the other (`Experiment.assay_steps`)."""
    permute_labels: bool = False
    """Control: shuffle the training and validation labels before training."""

    @property
    def scored_length(self) -> int:
        """Length in bp of the sequences to be scored."""
        return self.target_length or get_assay(self.target).window

    @property
    def training_window(self) -> int:
        """Window in bp that training sequences are cut to."""
        return self.window or get_assay(self.target).window


class Augmentation(StrictSettings):
    """Random changes to training sequences."""

    shift_probability: float = Field(0.5, ge=0, le=1)
    """Probability of a cyclic shift."""
    shift_fraction: float = Field(0.1, ge=0, le=0.5)
    """Largest shift, as a share of the window, left or right."""
    reverse_complement_probability: float = Field(0.5, ge=0, le=1)
    """Probability of showing the opposite strand."""


class TrainingSettings(StrictSettings):
    """How the network is fitted."""

    epochs: int = Field(6, ge=1)
    """Passes over the training table (over its positives when `batch_positives` is a share)."""
    batch_size: int = Field(32, ge=2)
    """Sequences a step."""
    batch_positives: Literal["table"] | float = "table"
    """Share of positives in a batch: `table` keeps the ratio of the table; .5 balances it."""
    learning_rate: float = Field(0.009, gt=0)
    """Peak learning rate of AdamW."""
    weight_decay: float = Field(0.01, ge=0)
    """Decoupled weight decay of AdamW."""
    schedule: Literal["linear", "onecycle", "constant"] = "linear"
    """Learning-rate schedule over the steps of the run."""
    end_factor: float = Field(0.05, gt=0, le=1)
    """Last learning rate of the linear schedule as a share of the first."""
    engine: Literal["auto", "plain", "native", "compiled"] = "auto"
    """How the network is computed: by PyTorch's layers (`plain`), by a kernel that a C++ compiler
    builds in a second or two, once for each layout and machine (`native`, CPU), or by loops that
    torch.compile makes (`compiled`, meant for GPUs); `auto` takes `native` for all but short runs
    on a CPU with a C++ compiler, else `plain`."""
    best_by: Literal["auroc", "auprc"] = "auroc"
    """Validation metric that picks the best epoch."""
    augmentation: Augmentation = Augmentation()

    @field_validator("batch_positives")
    @classmethod
    def _share(cls, value: Any) -> Any:
        if value != "table" and not 0 < value < 1:
            raise ValueError("must be 'table' or a share between 0 and 1")
        return value


class PredictionSettings(StrictSettings):
    """How a trained network scores sequences."""

    strands: Literal["mean", "max", "forward"] = "mean"
    """How the logits of the two strands are joined; `forward` scores the given strand only."""


class HeadSettings(StrictSettings):
    """What one head of a network learns from."""

    window: int | None = Field(None, ge=1)
    """Training window in bp; none means `data.window`, else that of the head's assay."""
    negatives_per_positive: float | None = Field(None, gt=0)
    """Most negatives per positive (a random part of the table's); none keeps all."""
    negatives: tuple[str, ...] = ()
    """Kinds of negatives to learn from (column `source` of the table); empty means all."""
    weight: float = Field(1.0, ge=0)
    """Weight of its loss, where `head_weights` is `given`."""
    frozen: bool = False
    """Whether its parameters stay as they are at the start."""


class Adaptation(StrictSettings):
    """How unlabelled sequences of the assays to be predicted take part in training."""

    alignments: tuple[dict[str, Any], ...] = ()
    """Alignments, each with its `kind` and settings (`dann_tfbs.adaptation`)."""
    align: Literal["all", "background", "prior-corrected"] = "background"
    """Which source sequences are aligned with the unlabelled ones: all, in the ratio of the table;
    the unbound alone; or all, with bound ones in the share that they have in the target."""
    target_prior: float | Literal["bbse", "em"] = "em"
    """Share of bound sequences in the target, for `prior-corrected`: a number, or how to estimate
    it without labels, anew before every epoch."""
    statistics: Literal["auto", "source", "batch", "shared"] = "auto"
    """Batch norm of aligned sequences: by the running statistics of the source, as at prediction
    (`source`); by those of their own batch, which leave the running ones alone (`batch`); or by
    their own batch and into the running statistics (`shared`). `auto` is `batch` where features are
    made alike, which is unstable otherwise, and `source` where only predictions are judged."""
    batch_size: int | None = Field(None, ge=2)
    """Sequences of each pool a step; none means `training.batch_size`."""
    match_length: bool = True
    """Whether source sequences are cut to the pool's length before they are aligned with it."""
    adabn: bool = False
    """Whether the run is written with batch statistics re-estimated on the unlabelled sequences of
    its target (AdaBN, Li et al. 2018)."""

    @field_validator("target_prior")
    @classmethod
    def _prior(cls, value: Any) -> Any:
        if isinstance(value, float) and not 0 <= value <= 1:
            raise ValueError("must lie between 0 and 1, or be bbse or em")
        return value

    @field_validator("alignments")
    @classmethod
    def _kinds(cls, value: Any) -> Any:
        if any(not isinstance(entry.get("kind"), str) for entry in value):
            raise ValueError("every alignment needs its `kind`")
        return value


ADVERSARIAL = ("dann", "cdan")
"""Kinds of alignments that make a run of mode `dann` what it is."""


GENTLE_ALIGNMENT = {"kind": "moments", "weight": 0.1}
"""What `train --unlabelled` does where no alignment is set: it did no harm on any pair of assays
that was measured (docs/results.md)."""


class Experiment(StrictSettings):
    """A whole run."""

    mode: Literal["baseline", "multihead", "dann"] = "baseline"
    """`baseline`: one head, for the target. `multihead`: a head for each assay in `heads`. `dann`:
    the same with an adversarial alignment."""
    name: str | None = None
    """Name of the run folder and of the MLflow run."""
    data: DataSettings = DataSettings()
    architecture: Architecture = PRESETS[DEFAULT_PRESET]
    """A layout, or the name of a preset."""
    training: TrainingSettings = TrainingSettings()
    heads: dict[AssayCode, HeadSettings] = Field({})
    """Heads of modes `multihead` and `dann`; empty means one for HTS, SMS, PBM and the target, each
    with the window and ratio of its assay."""
    head_weights: Literal["equal", "size", "given"] = "equal"
    """Weights of the heads' losses: equal, by the number of training sequences, or as given."""
    assay_steps: bool = True
    """With companions: the logit of a TF in the source is its logit in the target plus a step that
    all TFs share; otherwise every TF has a head of its own for the source, and the run's own TF,
    which the target does not teach, is predicted by that."""
    adaptation: Adaptation = Adaptation()
    initial: Path | None = None
    """Run whose backbone, and heads of the same names, training starts from."""
    frozen_backbone: bool = False
    """Whether the backbone stays as it is at the start."""
    prediction: PredictionSettings = PredictionSettings()
    seed: int = Field(0, ge=0)
    seeds: int = Field(1, ge=1)
    """Number of models trained side by side, with seeds `seed`, `seed` + 1, …"""
    device: str = "auto"
    """`auto`, `cpu`, `cuda` or any device name of torch."""

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: Any) -> Any:
        name = values.get("architecture") if isinstance(values, dict) else None
        if isinstance(name, str):
            if name not in PRESETS:
                raise ValueError(f"architecture '{name}' is no preset; known: {', '.join(PRESETS)}")
            return {**values, "architecture": PRESETS[name]}
        return values

    @model_validator(mode="after")
    def _heads_fit(self) -> Experiment:
        if self.mode == "baseline" and self.heads.keys() - {self.data.target}:
            raise ValueError("mode baseline has the target's head only")
        if self.mode == "baseline" and self.data.companions:
            raise ValueError("mode baseline learns one TF; companions need multihead or dann")
        if self.heads and self.data.target not in self.heads:
            raise ValueError(f"the target {self.data.target} has no head")
        return self

    @property
    def head_settings(self) -> dict[str, HeadSettings]:
        """Settings of every head, the target's first."""
        target = self.data.target
        if self.mode == "baseline":
            return {target: self.heads.get(target, HeadSettings())}
        found = {str(name): head for name, head in self.heads.items()}
        if not found:
            artificial = [c for c, assay in ASSAYS.items() if assay.kind == "artificial"]
            found = {
                code: HeadSettings(negatives_per_positive=get_assay(code).negatives_per_positive)
                for code in dict.fromkeys([target, *artificial])
            }
        return {target: found.pop(target), **found}

    def heads_of(self, tf: str | None, measured: str) -> tuple[str, ...]:
        """Return the heads whose logits add up to those of a TF (None: the run's own).

        `measured` is the target or the source; for the target a TF needs no step.
        """
        # A dot would end the name of a module; the prefix keeps a TF apart from an assay.
        own = self.data.target if tf is None else f"TF {tf.replace('.', '_')}"
        if measured == self.data.target or not self.data.companions:
            return (own,)
        if self.assay_steps:
            return (own, f"step {measured}")
        return (own,) if tf is None else (f"{own} {measured}",)

    @property
    def network_heads(self) -> list[str]:
        """Names of all heads of the network, the target's first."""
        names = list(self.head_settings)
        for tf in (None, *self.data.companions) if self.data.companions else ():
            for measured in (self.data.target, self.data.source):
                names += self.heads_of(tf, measured)
        return list(dict.fromkeys(names))

    def window_of(self, head: str) -> int:
        """Return the training window of a head in bp."""
        own = self.head_settings[head].window
        return own or self.data.window or get_assay(head).window

    @property
    def alignments(self) -> list[dict[str, Any]]:
        """Alignments in force: those of `adaptation`, after `dann` where the mode asks for it."""
        given = list(self.adaptation.alignments)
        if self.mode == "dann" and not any(entry["kind"] in ADVERSARIAL for entry in given):
            return [{"kind": "dann"}, *given]
        return given

    @property
    def adapts(self) -> bool:
        """Whether more than the losses of the heads decides the weights: an alignment, or AdaBN."""
        return bool(self.alignments) or self.adaptation.adabn

    @property
    def member_seeds(self) -> list[int]:
        """Seeds of the models trained side by side."""
        return list(range(self.seed, self.seed + self.seeds))


def genomic_sources() -> list[str]:
    """Return the codes of the genomic assays, the candidates of `source: auto`."""
    return [code for code, assay in ASSAYS.items() if assay.kind == "genomic"]
