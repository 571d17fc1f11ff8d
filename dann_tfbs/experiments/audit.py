"""The audit of domains: what tells assays apart, before any model and in the embedding of runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.report import markdown_table
from dann_tfbs.evaluation.separability import (
    SMALLEST,
    Retrieval,
    Separability,
    mean_separability,
    retrieval,
    separability,
    simple_features,
    standardised,
)
from dann_tfbs.experiments.audit_domains import Domain
from dann_tfbs.experiments.embedding_figures import View, embedding_picture, separability_bars
from dann_tfbs.sequence import gc_content
from dann_tfbs.streams import stream

if TYPE_CHECKING:
    from dann_tfbs.trained import TrainedModel

Rows = Literal["all", "bound", "background"]

_TITLES = {
    "precision_at_1": "precision at 1",
    "mean_average_precision": "mean average precision",
    "r_precision": "R-precision",
}


@dataclass(frozen=True)
class EmbeddingAudit:
    """What an audit finds in the embedding of one run or ensemble.

    Attributes
    ----------
    members
        Separability in each model's embedding.
    retrieval
        Retrieval in each model's embedding, one entry a domain that can ask; empty where fewer than
        two domains hold bound sequences.
    features
        Embedding of the first model by domain, shape (n, channels), for the picture.
    """

    members: tuple[Separability, ...]
    retrieval: tuple[tuple[Retrieval, ...], ...]
    features: dict[str, NDArray[np.float32]]

    @property
    def mean(self) -> Separability:
        """Separability, averaged over the models."""
        return mean_separability(self.members)


@dataclass(frozen=True)
class Audit:
    """All that an audit finds.

    Attributes
    ----------
    domains
        What was audited.
    rows
        Which rows separability looks at, see `audit`.
    seed
        Of folds, queries and drawn points.
    controls
        Separability by GC content, length and k-mers alone.
    runs
        What the embeddings show, by the name of the run, in the order before, after.
    """

    domains: dict[str, Domain]
    rows: Rows
    seed: int
    controls: dict[str, Separability]
    runs: dict[str, EmbeddingAudit]

    @property
    def separability(self) -> dict[str, Separability]:
        """Separability by controls and runs."""
        return self.controls | {name: run.mean for name, run in self.runs.items()}

    def figures(self) -> dict[str, Figure]:
        """Draw `separability` and, where there are runs, `embedding`."""
        figures = {"separability": separability_bars(self.separability, self.runs)}
        if self.runs:
            labels = {name: domain.labels for name, domain in self.domains.items()}
            views = [View(name, run.features, labels) for name, run in self.runs.items()]
            figures["embedding"] = embedding_picture(views, stream(self.seed, "audit picture"))
        return figures

    def metrics(self) -> dict[str, float]:
        """Return the numbers under flat names, such as MLflow takes as metrics."""
        found = {}
        for name, own in self.separability.items():
            found[f"{name}/balanced_accuracy"] = own.balanced_accuracy
            for pair in own.pairs:
                key = f"{name}/{pair.first} to {pair.second}"
                found[f"{key}/balanced_accuracy"] = pair.balanced_accuracy
                found[f"{key}/auroc"] = pair.auroc
                found[f"{key}/a_distance"] = pair.a_distance
        for name, run in self.runs.items():
            for one in _mean_retrieval(run.retrieval):
                for metric, value in one.found.items():
                    found[f"{name}/{one.domain}/{metric}"] = value
                    found[f"{name}/{one.domain}/{metric} by chance"] = one.chance[metric]
        return {re.sub(r"[^\w\-. /]", "_", f"audit/{key}"): value for key, value in found.items()}

    def to_json(self) -> dict[str, Any]:
        """Return the audit as JSON values."""
        return {
            "rows": self.rows,
            "seed": self.seed,
            "domains": {name: _description(domain) for name, domain in self.domains.items()},
            "controls": {name: _plain(own) for name, own in self.controls.items()},
            "runs": {
                name: {
                    "separability": _plain(run.mean),
                    "retrieval": [asdict(one) for one in _mean_retrieval(run.retrieval)],
                    "members": [
                        {"separability": _plain(own), "retrieval": [asdict(one) for one in found]}
                        for own, found in zip(run.members, run.retrieval, strict=True)
                    ],
                }
                for name, run in self.runs.items()
            },
        }

    def to_table(self) -> str:
        """Return the audit as Markdown."""
        found = self.separability
        first = next(iter(found.values()))
        head = ["domains", *found]
        together = [f"all at once (chance {first.chance:.2f})"]
        together += [f"{own.balanced_accuracy:.3f}" for own in found.values()]
        parts = [
            "## Domains",
            markdown_table(
                [["domain", *_DESCRIBED], *(_cells(n, d) for n, d in self.domains.items())]
            ),
            f"## Separability ({_ROWS[self.rows]})",
            "Balanced accuracy (chance .5):",
            markdown_table([head, *_by_pair(found, "balanced_accuracy"), together]),
            "AUROC (chance .5):",
            markdown_table([head, *_by_pair(found, "auroc")]),
            "Proxy A-distance (0 at chance, at most 2):",
            markdown_table([head, *_by_pair(found, "a_distance")]),
        ]
        if any(len(run.members) > 1 for run in self.runs.values()):
            parts.append("Numbers of a run are means over its models; the JSON has each.")
        asked = {name: _mean_retrieval(run.retrieval) for name, run in self.runs.items()}
        if any(asked.values()):
            rows = [["run", "bound of", "queries", "ranked", *_TITLES.values()]]
            rows += [
                [name, one.domain, f"{one.queries:,}", f"{one.references:,}"]
                + [f"{one.found[key]:.3f} ({one.chance[key]:.3f})" for key in _TITLES]
                for name, answers in asked.items()
                for one in answers
            ]
            parts += ["## Retrieval across assays (chance in brackets)", markdown_table(rows)]
        return "\n\n".join(parts) + "\n"


def audit(
    domains: Mapping[str, Domain],
    models: Mapping[str, TrainedModel],
    *,
    rows: Rows = "all",
    k: int = 3,
    seed: int = 0,
) -> Audit:
    """Audit domains, and the embeddings that runs make of them.

    Parameters
    ----------
    domains
        By name, as `dann_tfbs.experiments.audit_domains.read_domains` draws them.
    models
        Runs or ensembles by name, in the order before, after adaptation; may be empty.
    rows
        What separability looks at: `all` sequences; `bound` ones alone; or the `background`,
        unbound sequences of labelled domains and unlabelled domains whole. `bound` and `background`
        leave out domains without such sequences. Retrieval uses all labelled ones.
    k
        Length in bp of the k-mers.
    seed
        Of folds and queries; every run gets the same.

    Raises
    ------
    InputError
        If fewer than two domains are left, or one is too small.
    """
    chosen = _chosen(domains, rows)
    parts = {name: domains[name].sequences.take(mask) for name, mask in chosen.items()}
    simple = {name: simple_features(part, k) for name, part in parts.items()}
    kinds = next(iter(simple.values())).keys()
    controls = {
        kind: separability(
            {name: own[kind] for name, own in simple.items()}, stream(seed, "audit folds")
        )
        for kind in kinds
    }
    runs = {name: _of_run(domains, chosen, model, seed) for name, model in models.items()}
    return Audit(dict(domains), rows, seed, controls, runs)


def _of_run(
    domains: Mapping[str, Domain],
    chosen: Mapping[str, NDArray[np.bool_]],
    model: TrainedModel,
    seed: int,
) -> EmbeddingAudit:
    from dann_tfbs.embedding import embeddings

    embedded = {name: embeddings(model, domain.sequences) for name, domain in domains.items()}
    labels = {name: domain.labels for name, domain in domains.items()}
    members, answers = [], []
    for member in range(model.network.members):
        own = {name: values[:, member] for name, values in embedded.items()}
        some = {name: own[name][mask] for name, mask in chosen.items()}
        members.append(separability(some, stream(seed, "audit folds")))
        answers.append(retrieval(standardised(own), labels, stream(seed, "audit queries")))
    first = {name: values[:, 0] for name, values in embedded.items()}
    return EmbeddingAudit(tuple(members), tuple(answers), first)


def _chosen(domains: Mapping[str, Domain], rows: Rows) -> dict[str, NDArray[np.bool_]]:
    allowed = {"all": (-1, 0, 1), "bound": (1,), "background": (-1, 0)}[rows]
    masks = {name: np.isin(domain.labels, allowed) for name, domain in domains.items()}
    if rows != "all":
        masks = {name: mask for name, mask in masks.items() if mask.any()}
    small = {name: int(mask.sum()) for name, mask in masks.items() if mask.sum() < SMALLEST}
    if len(masks) < 2 or small:
        counts = ", ".join(f"{name}: {int(mask.sum())}" for name, mask in masks.items())
        raise InputError(
            f"these domains are too few or too small to be told apart ({counts or 'none'}).",
            key="--rows",
            remedy=f"At least two domains of {SMALLEST} sequences each are needed ({_ROWS[rows]}).",
        )
    return masks


_ROWS = {
    "all": "all sequences",
    "bound": "bound sequences alone",
    "background": "unbound and unlabelled sequences",
}
_DESCRIBED = ("bound", "unbound", "unlabelled", "median length", "mean GC")


def _description(domain: Domain) -> dict[str, float]:
    labels, sequences = domain.labels, domain.sequences
    return {
        "bound": int((labels == 1).sum()),
        "unbound": int((labels == 0).sum()),
        "unlabelled": int((labels == -1).sum()),
        "median length": float(np.median(sequences.lengths)),
        "mean GC": float(gc_content(sequences).mean()),
    }


def _cells(name: str, domain: Domain) -> list[str]:
    *counts, length, gc = _description(domain).values()
    return [name, *(f"{count:,}" for count in counts), f"{length:g}", f"{gc:.3f}"]


def _plain(own: Separability) -> dict[str, Any]:
    pairs = [asdict(pair) | {"a_distance": pair.a_distance} for pair in own.pairs]
    return asdict(own) | {"pairs": pairs}


def _by_pair(found: Mapping[str, Separability], number: str) -> list[list[str]]:
    names = [pair.name for pair in next(iter(found.values())).pairs]
    return [
        [name] + [f"{getattr(own.pairs[place], number):.3f}" for own in found.values()]
        for place, name in enumerate(names)
    ]


def _mean_retrieval(members: Sequence[Sequence[Retrieval]]) -> list[Retrieval]:
    """Average over models, which ask with the same sequences."""
    return [
        Retrieval(
            same[0].domain,
            same[0].queries,
            same[0].references,
            {key: float(np.mean([one.found[key] for one in same])) for key in same[0].found},
            same[0].chance,
        )
        for same in zip(*members, strict=True)
    ]
