"""Negatives as a recipe says: which kinds, how many, from which files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dann_tfbs.assays import get_assay
from dann_tfbs.data.assign_splits import Rule, has_place, in_some_split
from dann_tfbs.data.collect import Collected, collect_pool, first_of_each
from dann_tfbs.data.genome import Genome
from dann_tfbs.data.kmers import canonical_sequence_hash, is_among
from dann_tfbs.data.negatives.genomic import gc_matched_genome, random_genome, shades
from dann_tfbs.data.negatives.mixing import Sampler, mix
from dann_tfbs.data.negatives.pools import aliens, from_pool, shuffled
from dann_tfbs.data.negatives.sampled import Sampled, make_sampled
from dann_tfbs.data.recipe import Recipe
from dann_tfbs.data.records import Records
from dann_tfbs.data.sources import SourceFile
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import gc_content


def _default_negatives(
    recipe: Recipe, assay: str, sources: Sequence[SourceFile]
) -> dict[str, float]:
    """Choose the kinds of negatives that the assay's files allow."""
    of_assay = [source for source in sources if source.assay == assay]
    has_aliens = any(s.role == "positive" and s.tf != recipe.tf for s in of_assay)
    if assay == "PBM":
        return {"probes": 1}
    if get_assay(assay).kind == "artificial":
        has_input = any(s.role == "input" and s.tf in ("", recipe.tf) for s in of_assay)
        return {"input": 1} if has_input else {"aliens": 1} if has_aliens else {"shuffle": 1}
    if recipe.genome is not None:
        return {"gc": 2, "shades": 1}
    return {"aliens": 1, "shuffle": 1} if has_aliens else {"shuffle": 1}


def draw_negatives(
    recipe: Recipe,
    assay: str,
    sources: Sequence[SourceFile],
    genome: Genome | None,
    found: Collected,
    n_positives: int,
    rule: Rule,
    rng: np.random.Generator,
) -> tuple[Sampled, list[SourceFile]]:
    """Draw the negatives of one assay.

    Parameters
    ----------
    recipe, assay, sources, genome
        As for `collect_positives`.
    found
        What that gave. Negatives keep clear of all its positives, also those not in the table.
    n_positives
        Number of positives in the table, which the ratio refers to.
    rule
        How the assay is split: negatives that would stand in no split are not drawn.
    rng
        Source of randomness.

    Returns
    -------
    sampled : Sampled
        Joined by kind; the report has one report a kind under `parts`, in the order of the records.
    files : list of SourceFile
        The further files that were read for pools.

    Raises
    ------
    InputError
        If a kind has no files, no genome, or too few candidates.
    """
    weights = recipe.negatives or _default_negatives(recipe, assay, sources)
    ratio = recipe.negatives_per_positive
    if ratio == "all":
        if list(weights) != ["probes"]:
            raise InputError(
                "`all` goes with negatives of kind probes.",
                key="ratio",
                remedy="Give a number of negatives per positive.",
            )
        sampled = _every_probe(found)
        return Sampled(
            sampled.records,
            {"sampler": "all", "count": len(sampled.records), "parts": {"probes": sampled.report}},
        ), []
    samplers: dict[str, tuple[float, Sampler]] = {}
    read: list[SourceFile] = []
    for kind, weight in weights.items():
        pool = found.probes
        if kind in ("aliens", "input", "control"):
            pool, of_pool = collect_pool(recipe, assay, kind, sources, genome, found.positives)
            pool = pool.take(in_some_split(recipe.split, rule, pool))
            read += of_pool
        samplers[kind] = (weight, _sampler(kind, recipe, genome, found.positives, pool, rule))
    return mix(samplers, round(ratio * n_positives), rng), read


def _every_probe(found: Collected) -> Sampled:
    """Return each unbound probe once, but none that another array of the TF found bound."""
    bound = canonical_sequence_hash(found.positives.sequences)
    unbound = found.probes.take(~is_among(canonical_sequence_hash(found.probes.sequences), bound))
    distinct = unbound.take(first_of_each(unbound))
    dropped = {
        "positive": len(found.probes) - len(unbound),
        "repeated": len(unbound) - len(distinct),
    }
    return make_sampled("probes", distinct, gc_content(found.positives.sequences), dropped)


def _sampler(
    kind: str,
    recipe: Recipe,
    genome: Genome | None,
    positives: Records,
    pool: Records,
    rule: Rule,
) -> Sampler:
    """Return the sampler of one kind, waiting for a number and a generator."""
    if kind == "aliens":
        return lambda n, rng: aliens(pool, positives, n, rng, recipe.gc_match)
    if kind in ("input", "control", "probes"):
        return lambda n, rng: from_pool(pool, positives, n, rng, recipe.gc_match, kind)
    if kind == "shuffle":
        return lambda n, rng: shuffled(positives, n, rng)
    if genome is None or positives.intervals is None:
        raise InputError(
            f"negatives of kind '{kind}' need a genome and positives with coordinates.",
            key="negatives",
            remedy="Give peaks (or FASTA whose headers name an interval) and --genome.",
        )
    placed = has_place(positives)
    place = positives.intervals.take(placed)
    width = int(positives.sequences.lengths.max())
    used = in_some_split(recipe.split, rule, positives)[placed]
    chroms = list(dict.fromkeys(place.chrom[used].tolist()))
    if kind == "shades":
        return lambda n, rng: shades(genome, place, width, n, rng, chroms)
    draw = gc_matched_genome if kind == "gc" else random_genome
    return lambda n, rng: draw(genome, place, width, n, chroms, rng)
