"""The binding model: sites on both strands, relative affinity, occupancy, bound probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dann_tfbs.sequence import N

PSEUDOCOUNT = 1e-3
_BLOCK = 6
_IMPOSSIBLE = -1e4
_CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class BindingModel:
    """One TF (or co-factor) as an additive binding-energy model.

    Attributes
    ----------
    name
        Name of the TF.
    frequencies
        `float64`, shape (length, 4): base frequencies in the order A C G T.
    min_affinity
        Sites below this relative affinity count as unspecific and contribute nothing.
    """

    name: str
    frequencies: NDArray[np.float64]
    min_affinity: float = 0.02

    def __len__(self) -> int:
        return len(self.frequencies)

    def affinities(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the relative affinity of every window, summed over both strands.

        The affinity of a window w is the Boltzmann factor of its additive energy (Berg & von
        Hippel 1987) relative to that of a typical site of the TF,

            ``a(w) = exp(Σ_j E_j(w_j) − Σ_j Σ_b f_jb·E_j(b)),  E_j(b) = ln((f_jb + ε) / (1/4 + ε))``

        with ε = 0.001: 1 for a typical site (the geometric mean over sites drawn from the
        matrix), more for the consensus, 0 below `min_affinity` and in windows that hold N.

        Parameters
        ----------
        codes
            `uint8`, shape (n, width), at least as wide as the matrix.

        Returns
        -------
        NDArray[np.float32]
            Shape (n, width − length + 1), non-negative.
        """
        energy = np.log((self.frequencies + PSEUDOCOUNT) / (0.25 + PSEUDOCOUNT))
        energy -= (self.frequencies * energy).sum(axis=1, keepdims=True)
        count = codes.shape[1] - len(self) + 1
        filling = -len(self) % _BLOCK
        index = _block_index(np.pad(codes, ((0, 0), (0, filling)), constant_values=N))
        total = np.zeros((len(codes), count), dtype=np.float32)
        for strand in (energy, energy[::-1, ::-1]):
            score = np.zeros_like(total)
            for start, table in _block_tables(strand):
                score += table[index[:, start : start + count]]
            total += np.where(score >= np.log(self.min_affinity), np.exp(score), 0)
        return total

    def occupancy(
        self, codes: NDArray[np.uint8], position_weight: NDArray[np.floating] | None = None
    ) -> NDArray[np.float64]:
        """Return O(s) = Σ over positions and strands of the relative affinity, shape (n,).

        Parameters
        ----------
        codes
            `uint8`, shape (n, width).
        position_weight
            Factor of each window start, shape (width − length + 1,); 1 everywhere if absent.
        """
        rows = max(1, _CELLS_AT_ONCE // codes.shape[1])
        result = np.empty(len(codes))
        for start in range(0, len(codes), rows):
            affinity = self.affinities(codes[start : start + rows])
            if position_weight is not None:
                affinity = affinity * position_weight.astype(np.float32)
            result[start : start + rows] = affinity.sum(axis=1)
        return result


def bound_probability(
    occupancy: NDArray[np.floating], concentration: float
) -> NDArray[np.floating]:
    """Return the saturating chance of being bound, p = K·O / (1 + K·O).

    Parameters
    ----------
    occupancy
        O(s), any shape.
    concentration
        K, the protein concentration in units of a typical site's dissociation constant.
    """
    bound = concentration * occupancy
    return bound / (1 + bound)


def _block_index(codes: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Return every window of six letters as a number in base 5: one look-up scores six columns."""
    count = codes.shape[1] - _BLOCK + 1
    index = np.zeros((len(codes), count), dtype=np.uint16)
    for column in range(_BLOCK):
        index *= 5
        index += codes[:, column : column + count]
    return index


def _block_tables(energy: NDArray[np.float64]) -> list[tuple[int, NDArray[np.float32]]]:
    """Cut a matrix into blocks of six columns; return (first column, score of each block word)."""
    letters = np.full((len(energy) + -len(energy) % _BLOCK, 5), 0.0)
    letters[: len(energy), :4] = energy
    letters[: len(energy), N] = _IMPOSSIBLE
    tables = []
    for start in range(0, len(letters), _BLOCK):
        table = np.zeros(1)
        for column in letters[start : start + _BLOCK]:
            table = np.add.outer(table, column).ravel()
        tables.append((start, table.astype(np.float32)))
    return tables
