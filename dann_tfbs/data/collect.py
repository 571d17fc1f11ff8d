"""Raw files of one TF and assay to records: bound sequences, and the pools negatives come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch

import numpy as np

from dann_tfbs.data import records
from dann_tfbs.data.genome import Genome
from dann_tfbs.data.intervals import Intervals
from dann_tfbs.data.kmers import canonical_sequence_hash
from dann_tfbs.data.load import Loaded, load_source
from dann_tfbs.data.overlap import overlaps_any
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
    of_tf = [
        source
        for source in sources
        if source.assay == assay and source.tf == recipe.tf and source.role == "positive"
    ]
    chosen = [source for source in of_tf if fnmatch(source.path.name, recipe.files)]
    if not chosen:
        raise _no_positives(recipe, assay, sources, of_tf)
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
        left_out = ", ".join(f"{count} {reason}" for reason, count in result.dropped.items())
        raise InputError(
            f"the {assay} files of {recipe.tf} hold no bound sequence"
            + (f" (left out: {left_out})." if left_out else "."),
            path=chosen[0].path,
            remedy="Check the recipe's window and length, and the preprocessing that a PBM file's "
            "name states.",
        )
    return result


def _no_positives(
    recipe: Recipe, assay: str, sources: Sequence[SourceFile], of_tf: Sequence[SourceFile]
) -> InputError:
    """Say which part of the wish is not there, and what is."""
    if of_tf:
        problem = f"there is no {assay} file of {recipe.tf} whose name fits '{recipe.files}'."
        remedy = f"There are: {', '.join(source.path.name for source in of_tf)}."
    else:
        problem = f"there is no {assay} file of {recipe.tf}."
        bound = [source for source in sources if source.role == "positive"]
        tfs = sorted({source.tf for source in bound if source.assay == assay})
        assays = sorted({source.assay for source in bound if source.tf == recipe.tf})
        remedy = (
            f"{assay} files exist for: {', '.join(tfs) or 'no TF'}; "
            f"{recipe.tf} has files of: {', '.join(assays) or 'no assay'}."
        )
    return InputError(problem, path=recipe.ibis_root or recipe.sheet, remedy=remedy)


def collect_targets(
    recipe: Recipe, sources: Sequence[SourceFile], genome: Genome | None
) -> list[tuple[SourceFile, Records]]:
    """Read the unlabelled sequences of the assay to be predicted, file by file.

    They keep their length, and lose what could tell bound from unbound: signal and cycle.
    """
    found = []
    for source in sources:
        if source.role == "target" and source.tf in ("", recipe.tf):
            loaded = load_source(replace(source, cycle=None), genome, recipe.window).records
            found.append((source, replace(loaded, signal=np.full(len(loaded), np.nan))))
    return found


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

    Raises
    ------
    InputError
        If there are no such files.
    """
    of_assay = [s for s in sources if s.assay == assay and fnmatch(s.path.name, recipe.pool_files)]
    if kind == "aliens":
        others = [s for s in of_assay if s.tf not in ("", recipe.tf) and s.role == "positive"]
        by_tf = {tf: [s for s in others if s.tf == tf] for tf in sorted({s.tf for s in others})}
        chosen = [s for files in by_tf.values() for s in _of_cycles(recipe, files, optional=True)]
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
            remedy=f"Choose other kinds, or add files that fit '{recipe.pool_files}'"
            + (" and the positives' cycles." if kind == "control" else "."),
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
    kept, dropped = loaded.records, dict(loaded.dropped)
    if genome is not None and len(genome.blacklist) and kept.intervals is not None:
        listed = overlaps_any(kept.intervals, genome.blacklist)
        kept = kept.take(~listed)
        dropped["blacklisted"] = int(listed.sum())
    if recipe.length is not None:
        enough = kept.sequences.lengths >= recipe.length
        kept = _cropped(kept.take(enough), recipe.length)
        dropped["shorter than length"] = int((~enough).sum())
    return Loaded(kept, dropped)


def _cropped(found: Records, length: int) -> Records:
    """Cut sequences to their middle, and with them the intervals that are theirs base for base."""
    sequences, place = found.sequences, found.intervals
    if place is not None:
        # An interval of another width is that of a whole peak, of which the file has a part.
        own = place.end - place.start == sequences.lengths
        start = np.where(own, place.start + (sequences.lengths - length) // 2, place.start)
        place = Intervals(place.chrom, start, np.where(own, start + length, place.end))
    return replace(found, sequences=centre_crop(sequences, length), intervals=place)


def first_of_each(found: Records) -> np.ndarray:
    """Return the rows, ascending, that hold a sequence for the first time on either strand."""
    return np.sort(np.unique(canonical_sequence_hash(found.sequences), return_index=True)[1])


def _of_cycles(
    recipe: Recipe, sources: Sequence[SourceFile], *, optional: bool = False
) -> list[SourceFile]:
    """Keep the files of the wanted SELEX cycles; files without a cycle are always kept."""
    cycles = {source.cycle for source in sources if source.cycle is not None}
    if not cycles or recipe.cycles == "all":
        return list(sources)
    wanted: Iterable[int] = [max(cycles)] if recipe.cycles == "last" else recipe.cycles
    kept = [source for source in sources if source.cycle is None or source.cycle in wanted]
    if not kept and not optional:
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
