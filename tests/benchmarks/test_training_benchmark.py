"""What the speed measurements count and say."""

import pytest
import stacking
import torch
import training
from reference_loop import ReferenceModel
from torch.utils.flop_counter import FlopCounterMode

from dann_tfbs.config import PRESETS, Architecture

WITHOUT_SQUEEZE = Architecture(squeeze="none", stem_widths=(5,), blocks=1)


@pytest.mark.parametrize("layout", [*PRESETS.values(), WITHOUT_SQUEEZE], ids=[*PRESETS, "none"])
def test_multiply_adds_are_those_that_pytorch_counts(layout):
    model = ReferenceModel(layout)
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(2, 4, 31))
    forward, stem = training.multiply_adds(layout, 31)
    assert 2 * forward == counter.get_total_flops() / 2
    assert training.flops(layout, 31) == 6 * forward - 2 * stem


def test_the_engines_are_those_of_the_settings_but_for_the_choice_of_one():
    assert "plain" in training.ENGINES
    assert "auto" not in training.ENGINES


def test_no_gpu_is_said_and_nothing_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="2"):
        stacking.main(["--device", "cuda"])
    output = capsys.readouterr()
    assert "no GPU" in output.err
    assert output.out == ""
