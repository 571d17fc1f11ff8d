"""Re-estimated batch statistics against an explicit pass, layer by layer."""

import numpy as np
import pytest
import torch
from torch import nn

from dann_tfbs.adaptation import statistics
from dann_tfbs.adaptation.statistics import reestimated
from dann_tfbs.config import Architecture
from dann_tfbs.errors import InputError
from dann_tfbs.model.native.average import NativeAverage
from dann_tfbs.model.native.kernel import compiler, load_kernel
from dann_tfbs.model.network import Network

LAYOUT = Architecture(stem_widths=(5,), stem_channels=4, blocks=1, depthwise_width=3)


@pytest.fixture
def codes(rng):
    found = rng.choice(4, (40, 18), p=[0.4, 0.1, 0.1, 0.4]).astype(np.uint8)
    found[:, :2] = 4
    return torch.from_numpy(found)


def network_of(members=2):
    torch.manual_seed(3)
    network = Network(LAYOUT, ["HTS"], members)
    network.train()
    # Statistics of something else, and counters that have moved.
    network(torch.randint(0, 4, (30, members, 20)), "HTS")
    return network.eval()


def both_strands(codes):
    return torch.cat([codes, torch.where(codes == 4, codes, 3 - codes).flip(1)])


@pytest.mark.parametrize(
    "engine",
    [
        "plain",
        pytest.param("native", marks=pytest.mark.skipif(compiler() is None, reason="no compiler")),
    ],
)
def test_every_layer_holds_the_statistics_of_its_own_input(codes, engine):
    network = network_of()
    if engine == "native":
        network.fast = NativeAverage(network, load_kernel(LAYOUT))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    after = {key: value.clone() for key, value in reestimated(network, codes).items()}
    for key, value in before.items():
        assert torch.equal(value, after[key]) is not ("running" in key), key
    # One batch holds all: with the new statistics each layer sees what the batch gave it.
    network.load_state_dict(after)
    inputs = {}
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm1d):
            module.register_forward_hook(
                lambda _module, given, _result, name=name: inputs.update({name: given[0]})
            )
    network.train()
    network.encode_plainly(both_strands(codes)[:, None].expand(-1, 2, -1))
    assert len(inputs) == 4
    for name, given in inputs.items():
        values = given.detach().double().movedim(1, 0).flatten(1)
        torch.testing.assert_close(
            after[f"{name}.running_mean"].double(), values.mean(1), rtol=1e-4, atol=1e-5
        )
        torch.testing.assert_close(
            after[f"{name}.running_var"].double(), values.var(1), rtol=1e-4, atol=1e-5
        )


def test_batches_weigh_the_same(codes, monkeypatch):
    """80 sequences of both strands: five batches of 16, averaged."""
    whole = reestimated(network_of(), codes)["backbone.stem.norm.running_mean"].clone()
    monkeypatch.setattr(statistics, "BATCH", 16)
    parts = reestimated(network_of(), codes)["backbone.stem.norm.running_mean"]
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-6)


def test_the_network_is_left_as_it_was_but_for_statistics(codes):
    network = network_of()
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d)]
    reestimated(network, codes)
    assert not network.training
    assert all(norm.momentum == 0.1 for norm in norms)
    assert all(int(norm.num_batches_tracked) == 1 for norm in norms)
    once = {key: value.clone() for key, value in network.state_dict().items()}
    again = reestimated(network, codes)
    assert all(torch.equal(value, again[key]) for key, value in once.items())


def test_members_stay_apart(codes):
    network = network_of()
    expected = {k: v.clone() for k, v in reestimated(network, codes).items()}
    with torch.no_grad():
        network.backbone.stem.convolutions[0].weight[4:] += 1
    found = reestimated(network, codes)
    mean = "backbone.stem.norm.running_mean"
    assert torch.equal(found[mean][:4], expected[mean][:4])
    assert not torch.equal(found[mean][4:], expected[mean][4:])


def test_a_backbone_without_batch_norm_has_no_statistics():
    network = Network(Architecture(backbone="convnext"), ["HTS"]).eval()
    with pytest.raises(InputError, match="no batch norm"):
        reestimated(network, torch.zeros((4, 20), dtype=torch.uint8))
