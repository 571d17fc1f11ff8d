"""A learned embedding in front of the separable backbone, in place of one-hot channels.

Embedded is each base (`kmer: 1`) or the k-mer around each position (`kmer: 3`: the base and its two
neighbours). Whatever holds N or reaches beyond an end is embedded as zeros, as N is in one-hot.

An embedding of single bases adds nothing that the convolutions behind it could not compute from
one-hot channels, since both are linear: it is another way to the same functions (to fewer, below
four numbers a base). One of k-mers is more: it tells apart which bases stand together.
"""

from __future__ import annotations

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.nn import functional

from dann_tfbs.config import Architecture
from dann_tfbs.model.backbones.common import own_settings, without_filling
from dann_tfbs.model.layers import BASES, Stem
from dann_tfbs.model.network import Backbone
from dann_tfbs.sequence import N
from dann_tfbs.settings import StrictSettings


class EmbeddingSettings(StrictSettings):
    """What is embedded, and in how many numbers."""

    kmer: int = Field(1, ge=1, le=5)
    """Length in bp of what is embedded; odd."""
    dimension: int = Field(8, ge=1)
    """Numbers of an embedded base or k-mer, the input channels of the stem."""

    @field_validator("kmer")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("must be odd, so that a k-mer has a base in its middle")
        return value


class KmerEmbedding(nn.Module):
    """A table of vectors, one for each k-mer and member."""

    def __init__(self, kmer: int, dimension: int, members: int) -> None:
        super().__init__()
        self.kmer = kmer
        self.words = BASES**kmer
        self.table = nn.Parameter(torch.empty(members * self.words, dimension))
        # Vectors of length about 1, as those of one-hot.
        nn.init.normal_(self.table, std=dimension**-0.5)

    def forward(self, codes: Tensor) -> Tensor:
        """Embed codes (batch, members, length) as (batch, members · dimension, length)."""
        side = self.kmer // 2
        padded = functional.pad(codes.long(), (side, side), value=N)
        windows = padded.unfold(2, self.kmer, 1)
        powers = BASES ** torch.arange(self.kmer, device=codes.device)
        known = (windows < N).all(3)
        words = (windows * powers).sum(3).where(known, 0)
        first = self.words * torch.arange(codes.shape[1], device=codes.device)
        vectors = functional.embedding(words + first[:, None], self.table)
        return (vectors * known[..., None]).movedim(3, 2).flatten(1, 2)


class EmbeddingStem(Stem):
    """The stem of the separable backbone with an embedding as its input.

    Input codes (batch, members, length), output (batch, members · channels, length).
    """

    def __init__(
        self, widths: tuple[int, ...], channels: int, members: int, settings: EmbeddingSettings
    ) -> None:
        super().__init__(widths, channels, members, settings.dimension)
        self.embedding = KmerEmbedding(settings.kmer, settings.dimension, members)

    def forward(self, codes: Tensor) -> Tensor:
        """Apply the stem."""
        return super().forward(self.embedding(codes))


class EmbeddingBackbone(nn.Module):
    """Embedding, stem and separable residual blocks; all keys of the separable layout hold."""

    def __init__(self, architecture: Architecture, members: int = 1) -> None:
        super().__init__()
        settings = own_settings(EmbeddingSettings, architecture)
        self.stem = EmbeddingStem(
            architecture.stem_widths, architecture.stem_channels, members, settings
        )
        self.blocks = Backbone(architecture, members).blocks

    def forward(self, codes: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return features (batch, members · channels, length) of codes (batch, members, length)."""
        x = self.stem(without_filling(codes, mask))
        for block in self.blocks:
            x = block(x, mask)
        return x
