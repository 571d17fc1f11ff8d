"""Schedules by values worked out by hand."""

import math

import pytest

from dann_tfbs.adaptation.contract import AlignmentSettings


def settings(**values: object) -> AlignmentSettings:
    return AlignmentSettings.model_validate({"kind": "any", **values})


@pytest.mark.parametrize(
    ("values", "progress", "expected"),
    [
        ({}, 0.0, 0.0),
        ({}, 0.1, (math.e - 1) / (math.e + 1)),  # 2/(1 + e⁻¹) − 1 = tanh ½
        ({}, 0.5, math.tanh(2.5)),
        ({}, 1.0, math.tanh(5)),
        ({"weight": 0.3, "gamma": 2.0}, 0.5, 0.3 * math.tanh(0.5)),
        ({"schedule": "constant", "weight": 0.7}, 0.0, 0.7),
        ({"schedule": "linear", "weight": 2.0}, 0.25, 0.5),
        # A warm-up of a fifth: of the remaining four fifths, half is done at 0.6.
        ({"schedule": "linear", "warm_up": 0.2}, 0.6, 0.5),
        ({"schedule": "linear", "warm_up": 0.2}, 0.19, 0.0),
        ({"schedule": "linear", "warm_up": 0.2}, 1.0, 1.0),
        ({"schedule": "constant", "warm_up": 0.2}, 0.19, 0.0),
        ({"schedule": "constant", "warm_up": 0.2}, 0.2, 1.0),
        ({"warm_up": 0.5}, 0.75, math.tanh(2.5)),
        ({"weight": 0.0}, 1.0, 0.0),
    ],
)
def test_by_hand(values: dict[str, object], progress: float, expected: float):
    assert settings(**values).strength(progress) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("schedule", ["dann", "linear", "constant"])
def test_never_falls(schedule: str):
    values = [settings(schedule=schedule, warm_up=0.3).strength(p / 50) for p in range(51)]
    assert values == sorted(values)
    assert values[0] == 0 < values[-1]
