"""Test sets as IBIS makes them: positives against several backgrounds, under neutral tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.data.gc_match import match_gc
from dann_tfbs.files import write_json

TAG_LENGTH = 7


@dataclass(frozen=True)
class Labelled:
    """Sequences of one label source: the positives of a TF, or one of its backgrounds.

    Attributes
    ----------
    codes
        `uint8`, shape (n, length).
    label
        `int64`, shape (n,): 0 for a background, the cycle for HTS positives, else 1.
    group
        Replicate of each sequence, or None.
    header
        What stands after the tag in the FASTA file, shape (n,); empty if there is nothing.
    """

    codes: NDArray[np.uint8]
    label: NDArray[np.int64]
    group: NDArray[np.object_]
    header: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.label)

    def take(self, rows: NDArray[np.generic]) -> Labelled:
        """Return the given rows."""
        return Labelled(self.codes[rows], self.label[rows], self.group[rows], self.header[rows])


def labelled(
    codes: NDArray[np.uint8],
    label: int | NDArray[np.integer],
    *,
    group: str | None = None,
    header: Sequence[str] | None = None,
) -> Labelled:
    """Build a `Labelled` in which label and group may be the same for all."""
    n = len(codes)
    return Labelled(
        codes,
        np.broadcast_to(np.asarray(label, dtype=np.int64), n),
        np.full(n, group, dtype=object),
        np.array([""] * n if header is None else header, dtype=object),
    )


def join(parts: Sequence[Labelled]) -> Labelled:
    """Stack several lists."""
    return Labelled(
        np.concatenate([part.codes for part in parts]),
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.group for part in parts]),
        np.concatenate([part.header for part in parts]),
    )


def first_of_each(part: Labelled, known: NDArray[np.uint8] | None = None) -> Labelled:
    """Drop sequences that occur earlier in the list, or anywhere in `known`."""
    offset = 0 if known is None else len(known)
    codes = part.codes if known is None else np.concatenate([known, part.codes])
    _, first = np.unique(_as_keys(codes), return_index=True)
    return part.take(np.sort(first[first >= offset]) - offset)


def gc_matched(pool: Labelled, positives: Labelled, n: int, rng: np.random.Generator) -> Labelled:
    """Draw up to `n` of a pool as negatives whose GC content follows that of the positives."""
    rows = match_gc(_gc(pool.codes), _gc(positives.codes), min(n, len(pool)), rng)
    return pool.take(rows)


def as_negatives(part: Labelled) -> Labelled:
    """Return the same sequences with label 0 and no group."""
    return labelled(part.codes, 0, header=part.header.tolist())


@dataclass
class Benchmark:
    """All test sequences of one assay.

    Attributes
    ----------
    assay
        Code of the assay.
    parts
        (TF, background) → sequences; the positives stand under the background "positives".
    """

    assay: str
    parts: dict[tuple[str, str], Labelled] = field(default_factory=dict)

    def write(self, folder: Path, rng: np.random.Generator) -> None:
        """Write `<ASSAY>_participants.fasta` and the answers, one JSON per TF and background.

        Equal sequences share a tag; records are in the order of their tags, which are random.
        `<ASSAY>_<TF>.json` holds all backgrounds of a TF together; HTS has a file of positives
        alone too, on which Kendall's τ is measured.
        """
        every = join(list(self.parts.values()))
        _, first, number = np.unique(_as_keys(every.codes), return_index=True, return_inverse=True)
        tags = random_tags(len(first), rng)
        lines = []
        texts = sequence.decode(sequence.from_codes(every.codes[first]))
        for row in np.argsort(tags):
            head = f">{tags[row]} {every.header[first[row]]}".rstrip()
            lines.append(f"{head}\n{texts[row]}\n")
        (folder / f"{self.assay}_participants.fasta").write_text("".join(lines), "ascii")

        bounds = np.cumsum([0, *map(len, self.parts.values())])
        own_tags = {
            key: tags[number[start:end]]
            for key, start, end in zip(self.parts, bounds[:-1], bounds[1:], strict=True)
        }
        for tf in dict.fromkeys(tf for tf, _ in self.parts):
            self._write_answers(folder / "answers", tf, own_tags)

    def _write_answers(
        self, folder: Path, tf: str, tags: Mapping[tuple[str, str], NDArray[np.str_]]
    ) -> None:
        """Write a TF's positives with each background, and with all of them."""
        labels: dict[str, dict[str, int]] = {}
        groups: dict[str, str | None] = {}
        for (name, background), part in self.parts.items():
            if name == tf:
                own = tags[name, background].tolist()
                labels[background] = dict(zip(own, part.label.tolist(), strict=True))
                groups |= dict(zip(own, part.group.tolist(), strict=True))
        shown = labels.pop("positives")
        stem = f"{self.assay}_{tf}"
        if self.assay == "HTS":
            write_answers(folder, f"{stem}_positives", shown, groups)
        merged = dict(shown)
        for background, negatives in labels.items():
            write_answers(folder, f"{stem}_{background}", {**negatives, **shown}, groups)
            merged |= negatives
        write_answers(folder, stem, {**merged, **shown}, groups)


def write_answers(
    folder: Path,
    stem: str,
    labels: Mapping[str, int],
    groups: Mapping[str, str | None] | None = None,
) -> None:
    """Write an answer file in the form of IBIS: label and replicate (or null) of each tag."""
    known = groups or {}
    write_json(
        folder / f"{stem}.json",
        {"labels": dict(labels), "groups": {tag: known.get(tag) for tag in labels}},
    )


def random_tags(n: int, rng: np.random.Generator) -> NDArray[np.str_]:
    """Return `n` different tags of seven lower-case letters."""
    number = rng.choice(26**TAG_LENGTH, size=n, replace=False)
    letters = number[:, None] // 26 ** np.arange(TAG_LENGTH) % 26 + ord("a")
    return np.ascontiguousarray(letters, dtype=np.uint32).view(f"<U{TAG_LENGTH}").ravel()


def _as_keys(codes: NDArray[np.uint8]) -> NDArray[np.void]:
    """View each row as one value that can be compared."""
    rows = np.ascontiguousarray(codes)
    return rows.view(np.dtype((np.void, rows.shape[1]))).ravel()


def _gc(codes: NDArray[np.uint8]) -> NDArray[np.float64]:
    return ((codes == 1) | (codes == 2)).mean(axis=1)
