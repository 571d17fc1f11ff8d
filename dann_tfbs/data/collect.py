"""Raw files of one TF and assay to records: bound sequences, and the pools negatives come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch

import numpy as np

from dann_tfbs.data import records
from dann_tfbs.data.genome import Genome
from dann_tfbs.data.kmers import canonical_sequence_hash
from dann_tfbs.data.load import Loaded, load_source
from dann_tfbs.data.pbm_labels import positives as bound_spots
from dann_tfbs.data.readers.pbm import preprocessing
from dann_tfbs.data.recipe import Recipe
from dann_tfbs.data.records import Records
from dann_tfbs.data.sources import SourceFile
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import centre_crop


@dataclass
class Collected:
    """What the files of one TF and assay hold.

    Attributes
    ----------
    positives
        Bound sequences, each once (on either strand).
    probes
        Unbound probes of the same arrays (PBM only).
    files
        The files read, positives and pools.
    dropped
        Number of entries left out, by reason.
    """

    positives: Records
    probes: Records
    files: list[SourceFile] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)


def collect_positives(
    recipe: Recipe, assay: str, sources: Sequence[SourceFile], genome: Genome | None
) -> Collected:
    """Read the bound sequences of the recipe's TF in one assay.

    Raises
    ------
    InputError
        If no file holds any.
    """
    chosen = [
        source
        for source in sources
        if source.assay == assay
        and source.tf == recipe.tf
        and source.role == "positive"
        and fnmatch(source.path.name, recipe.files)
    ]
    if not chosen:
        known = sorted({s.tf for s in sources if s.assay == assay and s.role == "positive"})
        raise InputError(
            f"there is no {assay} file of {recipe.tf} whose name fits '{recipe.files}'.",
            path=recipe.ibis_root or recipe.sheet,
            remedy=f"{assay} files exist for: {', '.join(known) or 'no TF'}.",
        )
    chosen = _of_cycles(recipe, chosen)
    result = Collected(_empty(), _empty(), chosen)
    bound, unbound = [], []
    for source in chosen:
        loaded = _load(recipe, source, genome)
        _count(result.dropped, loaded.dropped)
        if assay == "PBM":
            is_bound = bound_spots(loaded.records.signal, preprocessing(source.path))
            bound.append(loaded.records.take(is_bound))
            unbound.append(loaded.records.take(~is_bound))
        else:
            bound.append(loaded.records)
    positives = records.concatenate(bound)
    distinct = first_of_each(positives)
    _count(result.dropped, {"repeated positive": len(positives) - len(distinct)})
    result.positives = positives.take(distinct)
    result.probes = records.concatenate(unbound)
    if not len(result.positives):
        raise InputError(
            f"the {assay} files of {recipe.tf} hold no bound sequence.", path=chosen[0].path
        )
    return result


def collect_pool(
    recipe: Recipe,
    assay: str,
    kind: str,
    sources: Sequence[SourceFile],
    genome: Genome | None,
    positives: Records,
) -> tuple[Records, list[SourceFile]]:
    """Read the sequences that negatives of one kind are drawn from.

    `aliens`: positives of all other TFs in the assay. `input`: the TF's own unselected library,
    else the libraries of no TF in particular. `control`: libraries selected without protein, of the
    positives' cycles.
    """
    of_assay = [s for s in sources if s.assay == assay and fnmatch(s.path.name, recipe.pool_files)]
    if kind == "aliens":
        others = [s for s in of_assay if s.tf not in ("", recipe.tf) and s.role == "positive"]
        by_tf = {tf: [s for s in others if s.tf == tf] for tf in sorted({s.tf for s in others})}
        chosen = [s for files in by_tf.values() for s in _of_cycles(recipe, files)]
    else:
        own = [s for s in of_assay if s.role == kind and s.tf in ("", recipe.tf)]
        chosen = [s for s in own if s.tf == recipe.tf] or own
        if kind == "control":
            cycles = set(positives.cycle.tolist())
            chosen = [s for s in chosen if s.cycle is None or s.cycle in cycles]
    if not chosen:
        raise InputError(
            f"there are no files for negatives of kind '{kind}' ({assay}).",
            path=recipe.ibis_root or recipe.sheet,
            key="negatives",
            remedy="Choose other kinds, or add the files.",
        )
    parts = []
    for source in chosen:
        loaded = _load(recipe, source, genome).records
        if assay == "PBM":
            loaded = loaded.take(bound_spots(loaded.signal, preprocessing(source.path)))
        parts.append(loaded)
    return records.concatenate(parts), chosen


def _load(recipe: Recipe, source: SourceFile, genome: Genome | None) -> Loaded:
    """Read a file and bring its sequences to the recipe's length, if it states one."""
    loaded = load_source(source, genome, recipe.window)
    if recipe.length is None:
        return loaded
    enough = loaded.records.sequences.lengths >= recipe.length
    kept = loaded.records.take(enough)
    cut = replace(kept, sequences=centre_crop(kept.sequences, recipe.length))
    return Loaded(cut, loaded.dropped | {"shorter than length": int((~enough).sum())})


def first_of_each(found: Records) -> np.ndarray:
    """Return the rows, ascending, that hold a sequence for the first time on either strand."""
    return np.sort(np.unique(canonical_sequence_hash(found.sequences), return_index=True)[1])


def _of_cycles(recipe: Recipe, sources: Sequence[SourceFile]) -> list[SourceFile]:
    """Keep the files of the wanted SELEX cycles; files without a cycle are always kept."""
    cycles = {source.cycle for source in sources if source.cycle is not None}
    if not cycles or recipe.cycles == "all":
        return list(sources)
    wanted: Iterable[int] = [max(cycles)] if recipe.cycles == "last" else recipe.cycles
    kept = [source for source in sources if source.cycle is None or source.cycle in wanted]
    if not kept:
        raise InputError(
            f"{recipe.tf} has no reads of the cycles {', '.join(map(str, wanted))}.",
            key="cycles",
            remedy=f"There are cycles {', '.join(map(str, sorted(cycles)))}.",
        )
    return kept


def _count(total: dict[str, int], more: dict[str, int]) -> None:
    for reason, count in more.items():
        if count:
            total[reason] = total.get(reason, 0) + count


def _empty() -> Records:
    return records.concatenate([])
