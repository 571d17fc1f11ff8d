"""From an entry of a configuration to an alignment, built in or a user's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dann_tfbs.adaptation.contract import Alignment, AlignmentSettings, Shape
from dann_tfbs.errors import InputError
from dann_tfbs.named import imported
from dann_tfbs.settings import validated

BUILT_IN = {
    "dann": "dann_tfbs.adaptation.dann:Dann",
    "cdan": "dann_tfbs.adaptation.cdan:Cdan",
    "coral": "dann_tfbs.adaptation.coral:Coral",
    "moments": "dann_tfbs.adaptation.moments:Moments",
    "mmd": "dann_tfbs.adaptation.mmd:Mmd",
    "entropy": "dann_tfbs.adaptation.entropy:Entropy",
    "mcc": "dann_tfbs.adaptation.mcc:Mcc",
    "self_training": "dann_tfbs.adaptation.self_training:SelfTraining",
    "contrastive": "dann_tfbs.adaptation.contrastive:Contrastive",
}
"""Kind to `module:Class`."""

KINDS = f"Known kinds: {', '.join(BUILT_IN)}, or module:Class for one of your own."


def alignment_settings(entry: Mapping[str, Any]) -> AlignmentSettings:
    """Return the checked settings of an entry.

    Parameters
    ----------
    entry
        Its `kind`, a name or `module:Class`, and the settings of that kind.

    Raises
    ------
    InputError
        If the kind is missing, unknown or cannot be imported, or a setting is wrong.
    """
    settings = _alignment_class(entry).Settings
    return validated(settings, entry, f"alignment {entry['kind']}")


def build_alignment(entry: Mapping[str, Any], shape: Shape) -> Alignment:
    """Return the alignment that an entry describes; see `alignment_settings`."""
    return _alignment_class(entry)(alignment_settings(entry), shape)


def reads_pools(entry: Mapping[str, Any]) -> bool:
    """Tell whether the alignment that an entry describes reads unlabelled sequences."""
    return _alignment_class(entry).uses_pools


def _alignment_class(entry: Mapping[str, Any]) -> type[Alignment]:
    kind = entry.get("kind")
    if not isinstance(kind, str):
        raise InputError("an alignment needs a kind.", key="kind", remedy=KINDS)
    named = BUILT_IN.get(kind, kind)
    if ":" not in named:
        raise InputError(f"there is no alignment '{kind}'.", key="kind", remedy=KINDS)
    found = imported(named, "kind")
    if not (isinstance(found, type) and issubclass(found, Alignment)):
        raise InputError(
            f"'{kind}' is no alignment.",
            key="kind",
            remedy="It must be a subclass of dann_tfbs.adaptation.contract.Alignment.",
        )
    if found.loss is Alignment.loss:
        raise InputError(f"'{kind}' has no method `loss`.", key="kind")
    if not issubclass(found.Settings, AlignmentSettings):
        raise InputError(
            f"the Settings of '{kind}' are of another kind.",
            key="kind",
            remedy="They must be a subclass of dann_tfbs.adaptation.contract.AlignmentSettings.",
        )
    return found
