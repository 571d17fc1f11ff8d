"""Learning-rate schedules: where they begin and end, and after a stop."""

import pytest
import torch
from torch import nn

from dann_tfbs.config import TrainingSettings
from dann_tfbs.training.checkpoint import optimizer_tensors, restore_optimizer
from dann_tfbs.training.optimisation import flattened, make_optimizer, make_schedule

STEPS = 20


def settings_of(schedule: str) -> TrainingSettings:
    return TrainingSettings(schedule=schedule, learning_rate=0.01, weight_decay=0.3)


def run(settings: TrainingSettings, begin: int, end: int, model: nn.Module, saved=None):
    """Take steps `begin`…`end` of the run; return (rate, beta) before each and the optimiser."""
    optimizer = make_optimizer([flattened(list(model.parameters()))], settings)
    schedule = make_schedule(optimizer, settings, STEPS, begin)
    if saved:
        restore_optimizer(optimizer, saved)
    seen = []
    for step in range(begin, end):
        group = optimizer.param_groups[0]
        seen.append((float(group["lr"]), float(group["betas"][0])))
        optimizer.zero_grad(set_to_none=False)
        ((model.weight - step) ** 2).sum().backward()
        optimizer.step()
        schedule.step()
    return seen, optimizer


def model() -> nn.Linear:
    made = nn.Linear(2, 1, bias=False)
    nn.init.constant_(made.weight, 0.5)
    return made


def test_linear_goes_from_the_full_rate_to_a_twentieth():
    seen, optimizer = run(settings_of("linear"), 0, STEPS, model())
    rates = [rate for rate, _ in seen]
    assert rates[0] == 0.01
    assert rates[10] == pytest.approx(0.01 * (1 - 0.95 / 2))
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.01 * 0.05)


def test_onecycle_rises_to_the_peak_after_three_tenths_and_falls_to_nothing():
    seen, optimizer = run(settings_of("onecycle"), 0, STEPS, model())
    rates = [rate for rate, _ in seen]
    assert rates[0] == pytest.approx(0.01 / 25)
    assert max(rates) == pytest.approx(0.01, rel=0.02)
    assert 4 <= rates.index(max(rates)) <= 6
    assert optimizer.param_groups[0]["lr"] < 1e-5


def test_constant_stays():
    assert {rate for rate, _ in run(settings_of("constant"), 0, STEPS, model())[0]} == {0.01}


@pytest.mark.parametrize("schedule", ["linear", "onecycle", "constant"])
@pytest.mark.parametrize("stop", [1, 7, 19])
def test_a_resumed_run_is_the_uninterrupted_one_to_the_last_bit(schedule, stop):
    settings = settings_of(schedule)
    whole, parts = model(), model()
    expected, _ = run(settings, 0, STEPS, whole)
    first, optimizer = run(settings, 0, stop, parts)
    saved = {key: value.clone() for key, value in optimizer_tensors(optimizer).items()}
    second, _ = run(settings, stop, STEPS, parts, saved)
    assert first + second == expected
    assert torch.equal(parts.weight, whole.weight)


def test_a_vector_steps_as_its_parameters_would_and_stays_their_memory():
    torch.manual_seed(0)
    inputs = torch.randn(5, 3)
    one, other = (nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)) for _ in range(2))
    other.load_state_dict(one.state_dict())
    vector = flattened(list(one.parameters()))
    for network, parameters in ((one, [vector]), (other, other.parameters())):
        optimizer = make_optimizer(list(parameters), settings_of("constant"))
        for _ in range(3):
            optimizer.zero_grad(set_to_none=False)
            network(inputs).square().sum().backward()
            optimizer.step()
    for own, reference in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(own, reference)
    torch.testing.assert_close(vector, torch.cat([p.flatten() for p in one.parameters()]))
