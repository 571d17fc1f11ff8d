"""From entries of a configuration to alignments, a user's own among them."""

import importlib
from pathlib import Path

import pytest
import torch
from made_batches import MEMBERS, SHAPE, make_batch

from dann_tfbs.adaptation.choose import BUILT_IN, alignment_settings, build_alignment
from dann_tfbs.errors import InputError

OWN = """
from pydantic import Field

from dann_tfbs.adaptation.contract import Alignment, AlignmentSettings


class Norm(Alignment):
    class Settings(AlignmentSettings):
        power: int = Field(2, ge=1)

    def loss(self, batch):
        total = sum((p.average ** self.settings.power).mean((0, 2)) for p in batch.target)
        return self.strength(batch.progress) * total


class NoLoss(Alignment):
    pass


class OddSettings(Norm):
    class Settings:
        pass


number = 7
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a user's module that can be imported."""
    (tmp_path / "own_alignments_of_a_test.py").write_text(OWN)
    (tmp_path / "broken_alignment_of_a_test.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    return "own_alignments_of_a_test"


@pytest.mark.parametrize("kind", BUILT_IN)
def test_built_in_kinds(kind: str):
    settings = alignment_settings({"kind": kind})
    assert settings.kind == kind
    alignment = build_alignment({"kind": kind, "weight": 0.5}, SHAPE)
    assert alignment.settings.weight == 0.5
    module, _, name = BUILT_IN[kind].partition(":")
    assert type(alignment) is getattr(importlib.import_module(module), name)
    # The kind is the default of the settings too.
    assert type(settings)().kind == kind


def test_a_user_s_alignment_comes_from_outside(own: str):
    entry = {"kind": f"{own}:Norm", "power": 4, "weight": 3, "schedule": "constant"}
    alignment = build_alignment(entry, SHAPE)
    batch = make_batch()
    expected = 3 * (batch.target[0].average ** 4).mean((0, 2))
    torch.testing.assert_close(alignment.loss(batch), expected)
    assert alignment.loss(batch).shape == (MEMBERS,)


def test_unknown_settings_are_refused_with_the_known_ones(own: str):
    with pytest.raises(InputError, match=r"alignment dann \[hiden\].*depth, gamma, hidden, kind"):
        alignment_settings({"kind": "dann", "hiden": 3})
    with pytest.raises(InputError, match=r"\[pover\].*power, schedule"):
        alignment_settings({"kind": f"{own}:Norm", "pover": 3})


def test_wrong_values_are_refused():
    with pytest.raises(InputError, match=r"alignment mmd \[bandwidths\]"):
        alignment_settings({"kind": "mmd", "bandwidths": [1.0, -1.0]})


@pytest.mark.parametrize("entry", [{}, {"kind": 3}, {"kind": "gann"}])
def test_unknown_kinds_are_refused_with_the_known_ones(entry: dict[str, object]):
    with pytest.raises(InputError, match=r"dann, cdan, coral.*module:Class"):
        alignment_settings(entry)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("no_such_module_anywhere:Norm", "cannot be imported"),
        (":Norm", "cannot be imported"),
        ("broken_alignment_of_a_test:Norm", "division by zero"),
        ("own_alignments_of_a_test:Missing", "cannot be imported"),
        ("own_alignments_of_a_test:number", "is no alignment"),
        ("pathlib:Path", "is no alignment"),
        ("own_alignments_of_a_test:NoLoss", "has no method `loss`"),
        ("own_alignments_of_a_test:OddSettings", "Settings"),
    ],
)
@pytest.mark.usefixtures("own")
def test_what_is_no_alignment_is_refused(kind: str, message: str):
    with pytest.raises(InputError, match=message):
        build_alignment({"kind": kind}, SHAPE)
