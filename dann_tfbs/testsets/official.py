"""Writing a test set in the formats of IBIS: participants' FASTA, answers, `benchmark.json`."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.files import write_text, written_aside
from dann_tfbs.sequence import Sequences
from dann_tfbs.testsets.labelled import Labelled, join, numbered

TAG_LENGTH = 7
CONFIG_FOLDER = "BENCHMARK_CONFIGS"
FILE_NAME = "benchmark.json"
"""`BENCHMARK_CONFIGS/<ASSAY>/<stage>/benchmark.json`."""

ROOT_MARK = "__ROOTDIR__"
"""What stands for the folder that holds `BENCHMARK_CONFIGS` in the paths of the file."""

PARTICIPANTS = "_participants.fasta"
"""Behind an assay's code: what the file of all its test sequences is called."""

POSITIVES = "positives"
_ROWS_AT_ONCE = 1 << 16
_PLAIN = [
    {"name": "prroc_rocauc", "alias": "AUROC", "params": {}},
    {"name": "prroc_prauc", "alias": "AUPRC", "params": {"type": "integral"}},
]
_AVERAGED = [
    {"name": "prroc_rocauc_averaged", "alias": "MAUROC", "params": {}},
    {"name": "prroc_prauc_averaged", "alias": "MAUPRC", "params": {"type": "integral"}},
]
_KENDALL = {"name": "kendalltau", "alias": "kendalltau", "params": {}}


def scorers(assay: str) -> list[dict[str, Any]]:
    """Return the scorers of an assay as `benchmark.json` lists them."""
    if assay == "HTS":
        both = [{**scorer, "backgrounds": ["input", "aliens"]} for scorer in _AVERAGED]
        return [*both, {**_KENDALL, "backgrounds": [POSITIVES]}]
    chosen = _AVERAGED if assay == "SMS" else _PLAIN
    return [{**scorer, "backgrounds": ["all"]} for scorer in chosen]


@dataclass
class TestSet:
    """All test sequences of one assay, and which of them answer which question.

    Attributes
    ----------
    assay
        Code of the assay.
    parts
        Lists of sequences, under any names.
    datasets
        (TF, background) → names of the parts in its answers; where a sequence stands in several,
        the highest label holds.
    flanks
        Constant bases beside the reads of a TF, which only the answers' FASTA has.
    named
        Whether a record's tag is the first word of its header (probes), not a random one.
    """

    __test__ = False  # not a test of pytest's

    assay: str
    parts: dict[Hashable, Labelled] = field(default_factory=dict)
    datasets: dict[tuple[str, str], tuple[Hashable, ...]] = field(default_factory=dict)
    flanks: dict[str, tuple[str, str]] = field(default_factory=dict)
    named: bool = False

    def add(self, tf: str, positives: Labelled, backgrounds: Mapping[str, Labelled]) -> None:
        """Add a TF: its positives alone (HTS) and with each background."""
        self.parts[tf, POSITIVES] = positives
        if self.assay == "HTS":
            self.datasets[tf, POSITIVES] = ((tf, POSITIVES),)
        for background, negatives in backgrounds.items():
            self.parts[tf, background] = negatives
            self.datasets[tf, background] = ((tf, background), (tf, POSITIVES))

    def write(self, root: Path, rng: np.random.Generator, stage: str = "Final") -> int:
        """Write everything below `root`; return the number of different sequences.

        * `test/<ASSAY>_participants.fasta`: each different sequence once, in the order of tags.
          Equal sequences share a tag, whatever TF they belong to.
        * `test/answers/<ASSAY>_<TF>_<background>.json` and, with all backgrounds of the TF,
          `<ASSAY>_<TF>.json`; where flanks are known, `<ASSAY>_<TF>.fasta` with them.
        * `BENCHMARK_CONFIGS/<ASSAY>/<stage>/benchmark.json`.
        """
        every = join(list(self.parts.values()))
        first, number = numbered(every.sequences)
        if self.named:
            names = [header.split(" ", 1)[0] for header in every.header]
            first, number = _by_name(names)
            tags = np.array([names[row] for row in first])
        else:
            tags = random_tags(len(first), rng)
        bounds = np.cumsum([0, *map(len, self.parts.values())])
        rows = {
            name: number[start:end]
            for name, start, end in zip(self.parts, bounds[:-1], bounds[1:], strict=True)
        }
        order = np.argsort(tags)
        fasta = root / "test" / f"{self.assay}{PARTICIPANTS}"
        shown = every.take(first)
        write_fasta(fasta, shown, tags, order, self.named)
        scanned = dict.fromkeys(
            (tf for tf, _ in self.datasets), f"{ROOT_MARK}/test/{self.assay}{PARTICIPANTS}"
        )
        for tf in scanned:
            self._write_answers(root / "test" / "answers", tf, tags, rows)
            left, right = self.flanks.get(tf, ("", ""))
            if left or right:
                stem = f"test/answers/{self.assay}_{tf}.fasta"
                own = self._own_numbers(tf, rows)
                flanked = _flanked(shown.sequences.take(own), left, right)
                scanned[tf] = f"{ROOT_MARK}/{stem}"
                write_fasta(
                    root / stem,
                    Labelled(flanked, shown.label[own], shown.group[own], shown.header[own]),
                    tags[own],
                    np.argsort(tags[own]),
                    self.named,
                )
        self._write_config(root, tags[order], stage, scanned)
        return len(first)

    def _own_numbers(
        self, tf: str, rows: Mapping[Hashable, NDArray[np.int64]]
    ) -> NDArray[np.int64]:
        names = {part for (name, _), parts in self.datasets.items() if name == tf for part in parts}
        return np.unique(np.concatenate([rows[name] for name in self.parts if name in names]))

    def _write_answers(
        self,
        folder: Path,
        tf: str,
        tags: NDArray[np.str_],
        rows: Mapping[Hashable, NDArray[np.int64]],
    ) -> None:
        """Write a TF's answers for each background, and for all of them."""
        every: dict[Hashable, None] = {}
        for (name, background), parts in self.datasets.items():
            if name == tf:
                every |= dict.fromkeys(parts)
                stem = f"{self.assay}_{tf}_{background}"
                write_answers(folder / f"{stem}.json", tags, *self._labels(parts, rows))
        merged = self._labels(tuple(every), rows)
        write_answers(folder / f"{self.assay}_{tf}.json", tags, *merged)

    def _labels(
        self, parts: Sequence[Hashable], rows: Mapping[Hashable, NDArray[np.int64]]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.object_]]:
        """Return number, label and group of the sequences of some parts; the highest label counts.

        (A probe can be bound by one rule and a negative of another.)
        """
        number = np.concatenate([rows[part] for part in parts])
        label = np.concatenate([self.parts[part].label for part in parts])
        group = np.concatenate([self.parts[part].group for part in parts])
        order = np.lexsort((label, number))
        last = order[np.append(number[order][1:] != number[order][:-1], True)[: len(order)]]
        return number[last], label[last], group[last]

    def _write_config(
        self, root: Path, tags: NDArray[np.str_], stage: str, scanned: Mapping[str, str]
    ) -> None:
        datasets = [
            {
                "name": f"{tf}_{background}",
                "tf": tf,
                "background": background,
                "fasta_path": scanned[tf],
                "answer_path": f"{ROOT_MARK}/test/answers/{self.assay}_{tf}_{background}.json",
            }
            for tf, background in self.datasets
        ]
        config = {
            "name": f"{self.assay}_{stage}",
            "kind": self.assay,
            "datasets": datasets,
            "scorers": scorers(self.assay),
            "tfs": list(scanned),
            "tags": tags.tolist(),
            "pwmeval_path": "",
            "metainfo": {"stage": stage, "built_by": "dann-tfbs"},
        }
        path = root / CONFIG_FOLDER / self.assay / stage / FILE_NAME
        write_text(path, json.dumps(config) + "\n")


def write_answers(
    path: Path,
    tags: NDArray[np.str_],
    number: NDArray[np.int64],
    label: NDArray[np.int64],
    group: NDArray[np.object_],
) -> None:
    """Write an answer file in the form of IBIS: label and replicate (or null) of each tag.

    Parameters
    ----------
    path
        The file.
    tags
        All tags of the test set.
    number, label, group
        For each answer its place in `tags`, its label and its replicate or None.
    """
    order = np.argsort(tags[number])
    # Put together by hand: a JSON encoder takes ten times as long for millions of tags.
    keys = [json.dumps(tag) for tag in tags[number[order]].tolist()]
    names = {name: json.dumps(name) for name in set(group.tolist())}
    groups = ", ".join(
        f"{key}: {names[name]}" for key, name in zip(keys, group[order].tolist(), strict=True)
    )
    labels = ", ".join(
        f"{key}: {value}" for key, value in zip(keys, label[order].tolist(), strict=True)
    )
    write_text(path, f'{{"groups": {{{groups}}}, "labels": {{{labels}}}}}\n')


def write_fasta(
    path: Path, shown: Labelled, tags: NDArray[np.str_], order: NDArray[np.int64], named: bool
) -> None:
    """Write records of two lines in the given order of rows."""
    with written_aside(path) as aside, aside.open("w", encoding="ascii") as out:
        for lines in _fasta_lines(shown, tags, order, named):
            out.write(lines)


def _fasta_lines(
    shown: Labelled, tags: NDArray[np.str_], order: NDArray[np.int64], named: bool
) -> Iterator[str]:
    for start in range(0, len(order), _ROWS_AT_ONCE):
        rows = order[start : start + _ROWS_AT_ONCE]
        texts = sequence.decode(shown.sequences.take(rows))
        heads = shown.header[rows].tolist()
        if not named:
            heads = [
                f"{tag} {head}" if head else tag
                for tag, head in zip(tags[rows].tolist(), heads, strict=True)
            ]
        yield "".join(f">{head}\n{text}\n" for head, text in zip(heads, texts, strict=True))


def _flanked(reads: Sequences, left: str, right: str) -> Sequences:
    return sequence.encode([f"{left}{text}{right}" for text in sequence.decode(reads)])


def _by_name(names: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    _, first, number = np.unique(np.array(names), return_index=True, return_inverse=True)
    return first, number


def random_tags(n: int, rng: np.random.Generator) -> NDArray[np.str_]:
    """Return `n` different tags of seven lower-case letters."""
    number = rng.choice(26**TAG_LENGTH, size=n, replace=False)
    letters = number[:, None] // 26 ** np.arange(TAG_LENGTH) % 26 + ord("a")
    return np.ascontiguousarray(letters, dtype=np.uint32).view(f"<U{TAG_LENGTH}").ravel()
