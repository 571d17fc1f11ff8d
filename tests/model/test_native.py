"""The kernel in C++ against PyTorch's own layers: averages, gradients, statistics, scores."""

import subprocess
import threading

import numpy as np
import pytest
import torch

from dann_tfbs.config import PRESETS, Architecture
from dann_tfbs.model.native import kernel as building
from dann_tfbs.model.native.average import NativeAverage
from dann_tfbs.model.native.kernel import compiler, load_kernel
from dann_tfbs.model.network import Network
from dann_tfbs.training.optimisation import flattened

needs_compiler = pytest.mark.skipif(compiler() is None, reason="there is no C++ compiler here")

LAYOUTS = [
    PRESETS["double"],
    Architecture(stem_widths=(5, 3), stem_channels=5, blocks=2, expansion=2, squeeze="expanded",
                 depthwise_width=5, squeeze_reduction=3),
    Architecture(stem_widths=(3,), stem_channels=7, blocks=1, squeeze="none", depthwise_width=3),
    Architecture(stem_widths=(3,), stem_channels=2, blocks=0),
]  # fmt: skip


def codes(batch: int, members: int, length: int, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(0, 5, (batch, members, length), dtype=np.uint8))


def two_of(layout: Architecture, members: int) -> tuple[Network, Network, torch.nn.Parameter]:
    """Return a plain and a native network of the same weights and statistics."""
    plain, native = (Network(layout, ["HTS"], members) for _ in range(2))
    plain.train().encode(codes(16, members, 20, seed=9))
    native.load_state_dict(plain.state_dict())
    vector = flattened(list(native.backbone.parameters()))
    kernel = load_kernel(layout)
    assert kernel is not None
    native.fast = NativeAverage(native, kernel, vector)
    return plain, native, vector


@needs_compiler
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("batch", "members", "length"), [(32, 1, 40), (21, 3, 13), (5, 2, 3)])
@pytest.mark.parametrize("training", [True, False])
def test_a_step_has_the_averages_gradients_and_statistics_of_the_plain_network(
    layout, batch, members, length, training
):
    plain, native, _ = two_of(layout, members)
    x = codes(batch, members, length)
    slopes = torch.randn(
        batch, members, layout.channels, generator=torch.Generator().manual_seed(1)
    )
    for network in (plain.train(training), native.train(training)):
        network.zero_grad(set_to_none=False)
        average = network.encode(x).average
        average.backward(slopes)
    torch.testing.assert_close(average, plain.encode(x).average, rtol=1e-4, atol=1e-5)
    for (key, own), reference in zip(
        native.backbone.named_parameters(), plain.backbone.parameters(), strict=True
    ):
        scale = float(reference.grad.abs().max()) + 1e-3
        torch.testing.assert_close(
            own.grad, reference.grad, rtol=1e-3, atol=1e-4 * scale, msg=lambda m, k=key: f"{k}: {m}"
        )
    plain.encode(x)  # as often as above
    native.encode(x)
    for key, value in plain.state_dict().items():
        if training and key.endswith(("running_mean", "running_var", "num_batches_tracked")):
            continue
        torch.testing.assert_close(native.state_dict()[key], value)


@needs_compiler
@pytest.mark.parametrize("layout", LAYOUTS)
def test_running_statistics_move_as_those_of_the_plain_network(layout):
    plain, native, _ = two_of(layout, 2)
    for seed in range(3):
        for network in (plain.train(), native.train()):
            network.encode(codes(19, 2, 11, seed))
    assert int(native.state_dict()["backbone.stem.norm.num_batches_tracked"]) == 4
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(native.state_dict()[key], value, rtol=1e-4, atol=1e-5)


@needs_compiler
def test_without_momentum_the_running_statistics_stay():
    _, native, _ = two_of(LAYOUTS[0], 1)
    before = {k: v.clone() for k, v in native.state_dict().items() if "running" in k}
    for norm in native.fast.norms:
        norm.momentum = 0.0
    native.train().encode(codes(8, 1, 30))
    for key, value in before.items():
        assert torch.equal(native.state_dict()[key], value)


@needs_compiler
def test_gradients_of_two_passes_add_up_whatever_their_order():
    plain, native, vector = two_of(LAYOUTS[1], 2)
    for network in (plain.train(), native.train()):
        network.zero_grad(set_to_none=False)
        first = network.encode(codes(8, 2, 20, 1)).average
        second = network.encode(codes(24, 2, 12, 2)).average
        (first.square().sum() - second.sum()).backward()
    reference = torch.cat([p.grad.flatten() for p in plain.backbone.parameters()])
    torch.testing.assert_close(vector.grad, reference, rtol=1e-3, atol=1e-3)


@needs_compiler
@pytest.mark.parametrize("layout", LAYOUTS)
def test_scores_of_unequal_lengths_are_those_of_the_plain_network(layout):
    plain, native, _ = two_of(layout, 2)
    lengths = torch.tensor([7, 30, 1, 12, 30, 18, 2, 29, 3, 4, 5, 6, 8, 9, 10, 11, 13, 14, 15])
    x = codes(len(lengths), 1, 30)
    for row, length in enumerate(lengths):
        x[row, :, length:] = 4
    x = x.expand(-1, 2, -1)
    with torch.inference_mode():
        expected = plain.eval()(x, "HTS", lengths)
        torch.testing.assert_close(native.eval()(x, "HTS", lengths), expected, rtol=1e-4, atol=1e-5)
        alone = torch.cat([native(x[i : i + 1, :, : int(n)], "HTS") for i, n in enumerate(lengths)])
    assert torch.equal(native(x.contiguous(), "HTS").detach(), native(x, "HTS").detach())
    torch.testing.assert_close(alone, expected, rtol=1e-4, atol=1e-5)


@needs_compiler
def test_threads_may_score_at_once():
    _, native, _ = two_of(LAYOUTS[0], 2)
    native.eval()
    batches = [codes(300, 2, 40, seed) for seed in range(8)]
    with torch.inference_mode():
        expected = [native(x, "HTS") for x in batches]
    found = [torch.empty(0)] * len(batches)

    def work(number: int) -> None:
        with torch.inference_mode():
            for _ in range(20):
                found[number] = native(batches[number], "HTS")

    threads = [threading.Thread(target=work, args=[number]) for number in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(own, other) for own, other in zip(found, expected, strict=True))


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DANN_TFBS_CACHE", str(tmp_path / "cache"))
    building._loaded.cache_clear()
    yield tmp_path / "cache"
    building._loaded.cache_clear()


@needs_compiler
def test_a_kernel_is_built_once_and_only_when_asked_for(empty_cache, monkeypatch):
    layout = LAYOUTS[3]
    assert load_kernel(layout, build=False) is None
    assert load_kernel(layout) is not None
    building._loaded.cache_clear()
    monkeypatch.setattr(building, "_build", lambda *_: pytest.fail("built twice"))
    assert load_kernel(layout, build=False) is not None
    assert len(list(empty_cache.iterdir())) == 1


@needs_compiler
def test_a_failing_compiler_is_reported_and_leaves_nothing(empty_cache, monkeypatch, caplog):
    failed = subprocess.CompletedProcess([], 1, "", "x.cpp:1: error: no such thing\n")
    compiler()
    monkeypatch.setattr(building.subprocess, "run", lambda *_, **__: failed)
    assert load_kernel(LAYOUTS[3]) is None
    assert "no such thing" in caplog.text
    assert list(empty_cache.iterdir()) == []


def test_max_pooling_and_very_wide_layouts_are_not_covered():
    assert load_kernel(Architecture(pooling="max")) is None
    assert load_kernel(Architecture(stem_widths=(3,), stem_channels=600)) is None


@needs_compiler
def test_a_user_without_a_home_has_no_kernel(empty_cache, monkeypatch):
    def no_home() -> None:
        raise RuntimeError("Could not determine home directory.")

    for name in ("DANN_TFBS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(building.Path, "home", no_home)
    assert load_kernel(LAYOUTS[3]) is None
    assert load_kernel(LAYOUTS[3], build=False) is None


@needs_compiler
def test_a_damaged_kernel_is_built_again(empty_cache):
    empty_cache.mkdir()
    path = building._library(building._macros(LAYOUTS[3]))
    path.write_bytes(b"no library")
    assert load_kernel(LAYOUTS[3]) is not None
    assert path.stat().st_size > 1000


@needs_compiler
def test_a_layout_too_wide_for_the_stack_trains():
    layout = Architecture(stem_widths=(3,), stem_channels=64, blocks=1, expansion=4,
                          depthwise_width=3, squeeze="expanded", squeeze_reduction=1)  # fmt: skip
    plain, native, vector = two_of(layout, 1)
    for network in (plain.train(), native.train()):
        network.zero_grad(set_to_none=False)
        network.encode(codes(4, 1, 6)).average.sum().backward()
    reference = torch.cat([p.grad.flatten() for p in plain.backbone.parameters()])
    torch.testing.assert_close(vector.grad, reference, rtol=1e-3, atol=1e-3)


@needs_compiler
def test_a_network_that_is_moved_or_converted_is_computed_from_its_new_parameters():
    plain, native, _ = two_of(LAYOUTS[3], 1)
    x = codes(4, 1, 20)
    for network in (plain.eval(), native.eval()):
        network.double().float()
        for parameter in network.parameters():
            parameter.data.mul_(2)
    with torch.inference_mode():
        torch.testing.assert_close(native(x, "HTS"), plain(x, "HTS"))


@needs_compiler
def test_the_default_type_of_pytorch_changes_no_score():
    plain, native, _ = two_of(LAYOUTS[0], 2)
    x = codes(4, 2, 20)
    with torch.inference_mode():
        expected = plain.eval()(x, "HTS")
        torch.set_default_dtype(torch.float64)
        try:
            found = native.eval()(x, "HTS")
        finally:
            torch.set_default_dtype(torch.float32)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@needs_compiler
def test_a_kernel_for_scores_alone_takes_unequal_lengths_without_inference_mode():
    plain, native, _ = two_of(LAYOUTS[0], 1)
    native.fast = NativeAverage(native, native.fast.kernel)
    x = codes(3, 1, 20)
    lengths = torch.tensor([20, 9, 3])
    for row, length in enumerate(lengths):
        x[row, :, length:] = 4
    found = native.eval()(x, "HTS", lengths)
    torch.testing.assert_close(found, plain.eval()(x, "HTS", lengths), rtol=1e-4, atol=1e-5)
