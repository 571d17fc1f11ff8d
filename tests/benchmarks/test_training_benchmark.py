"""What the speed measurements count, sample and say."""

import re
import time

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


def test_the_profile_names_the_parts_of_both_loops(capsys):
    training.print_profile("double", ["plain"], [1], 320)
    cells = [line.split("|")[1:4] for line in capsys.readouterr().out.splitlines() if "|" in line]
    shares = {row[0].strip(): re.findall(r"\((\d+)%\)", "".join(row)) for row in cells}
    for part in ("forward", "backward", "optimiser"):
        assert all(int(share) > 0 for share in shares[part]), part
    assert sum(int(share) for row in shares.values() for share in row) == pytest.approx(200, abs=10)


def test_all_time_between_start_and_stop_is_put_down_to_something():
    sampler = training.Sampler()
    began = time.thread_time()
    sampler.start()
    while time.thread_time() < began + 0.02:
        sum(range(1000))
    sampler.stop()
    assert set(sampler.seconds) == {"rest"}
    assert 0 < sampler.total < time.thread_time() - began


def test_no_gpu_is_said_and_nothing_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="2"):
        stacking.main(["--device", "cuda"])
    output = capsys.readouterr()
    assert "no GPU" in output.err
    assert output.out == ""
