from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dann_tfbs.experiments.exported import Exporter

EXAMPLE = np.array([[0, 2, 2], [2, 1, 4]])


class CountGuanine(nn.Module):
    """Weighted number of G of each sequence of codes, and a buffer as an offset."""

    def __init__(self, weight: float, offset: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))
        self.register_buffer("offset", torch.tensor(offset))

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        return (codes == 2).float().sum(1) * self.weight + self.offset


def outputs(path: Path, codes: list[list[int]]) -> list[float]:
    return torch.export.load(path).module()(torch.tensor(codes)).tolist()


def test_each_model_of_an_exporter_keeps_its_own_weights(tmp_path):
    exporter = Exporter()
    models = [CountGuanine(2.0), CountGuanine(-1.0, offset=0.5), CountGuanine(2.0, offset=3.0)]
    for number, model in enumerate(models):
        exporter.save(model.eval(), EXAMPLE, tmp_path / f"{number}.pt2")
    found = [outputs(tmp_path / f"{number}.pt2", [[2, 2, 2, 0]]) for number in range(3)]
    assert found == [[6.0], [-2.5], [9.0]]
    assert [model.weight.item() for model in models] == [2.0, -1.0, 2.0]


def test_the_graph_is_traced_once(tmp_path, monkeypatch):
    traced = []
    export = torch.export.export
    monkeypatch.setattr(
        torch.export, "export", lambda *given, **named: traced.append(1) or export(*given, **named)
    )
    exporter = Exporter()
    for number in range(3):
        exporter.save(CountGuanine(float(number)).eval(), EXAMPLE, tmp_path / f"{number}.pt2")
    assert traced == [1]


def test_a_model_of_another_layout_is_refused(tmp_path):
    exporter = Exporter()
    exporter.save(CountGuanine(2.0).eval(), EXAMPLE, tmp_path / "a.pt2")
    other = CountGuanine(2.0)
    other.weight = nn.Parameter(torch.ones(2))
    with pytest.raises(ValueError, match="differs in layout"):
        exporter.save(other, EXAMPLE, tmp_path / "b.pt2")
    assert not (tmp_path / "b.pt2").exists()
