"""The whole network: its size, members side by side, and its fused form."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from dann_tfbs.config import DEFAULT_PRESET, PRESETS, Architecture
from dann_tfbs.errors import InputError
from dann_tfbs.model.fused import fused_average
from dann_tfbs.model.native.kernel import load_kernel
from dann_tfbs.model.network import (
    Network,
    count_parameters,
    initial_state,
    joined,
    separated,
    summary,
)

PARAMETERS = 3402
SMALL = Architecture(stem_widths=(3, 5), stem_channels=2, blocks=2, depthwise_width=3)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_3402_parameters_and_no_linear_layer(name: str):
    network = Network(PRESETS[name], ["HTS"])
    assert count_parameters(network) == PARAMETERS
    assert not [m for m in network.modules() if isinstance(m, nn.Linear)]


def test_the_default_has_3402_parameters_by_hand():
    assert PRESETS[DEFAULT_PRESET] == Architecture()
    # Three parallel convolutions of 4 → 4 channels, 9, 13 and 17 bp wide; norm of 12 channels.
    stem = 4 * 4 * (9 + 13 + 17) + 2 * 12
    expand = 12 * 36 + 2 * 36
    depthwise = 36 * 7 + 2 * 36
    project = 36 * 12 + 2 * 12
    squeeze = (12 * 3 + 3) + (3 * 12 + 12)
    head = 12
    total = stem + 2 * (expand + depthwise + project + squeeze) + head
    assert total == PARAMETERS
    assert count_parameters(Network(Architecture(), ["HTS"])) == total


def test_summary_lists_every_parameter_and_the_total():
    network = Network(Architecture(), ["HTS"])
    *lines, last = summary(network).splitlines()
    assert sum(int(line.split()[-1]) for line in lines) == PARAMETERS
    assert last.split() == ["total", "3402"]
    assert "backbone.stem.convolutions.2.weight" in summary(network)


def states(n: int) -> list[dict[str, torch.Tensor]]:
    """Return different single models whose norms have seen data."""
    result = []
    for seed in range(n):
        network = Network(SMALL, ["HTS"])
        network.load_state_dict(initial_state(SMALL, ["HTS"], seed))
        generator = torch.Generator().manual_seed(seed)
        for part in network.modules():
            if isinstance(part, nn.BatchNorm1d):
                part.running_mean.normal_(0, 0.1, generator=generator)
                part.running_var.uniform_(0.5, 2, generator=generator)
                nn.init.normal_(part.bias, 0, 0.1, generator=generator)
        result.append({k: v.clone() for k, v in network.state_dict().items()})
    return result


def network_of(parts: list[dict[str, torch.Tensor]]) -> Network:
    network = Network(SMALL, ["HTS"], len(parts))
    network.load_state_dict(joined(parts))
    return network


def codes(n: int, members: int, length: int = 15, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 5, (n, members, length), generator=torch.Generator().manual_seed(seed))


def test_separated_is_the_inverse_of_joined():
    parts = states(3)
    for before, after in zip(parts, separated(joined(parts), 3), strict=True):
        assert before.keys() == after.keys()
        assert all(torch.equal(before[key], after[key]) for key in before)


def test_the_same_seed_initialises_equally_and_leaves_the_global_stream_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, two = (initial_state(SMALL, ["HTS"], 1) for _ in range(2))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert not torch.equal(
        one["heads.HTS.logit.weight"], initial_state(SMALL, ["HTS"], 2)["heads.HTS.logit.weight"]
    )


@pytest.mark.parametrize("lengths", [None, [15, 9, 4, 12]])
def test_members_score_as_they_do_alone(lengths):
    parts = states(3)
    x = codes(4, 3)
    true_lengths = None if lengths is None else torch.tensor(lengths)
    together = network_of(parts).eval()(x, "HTS", true_lengths)
    alone = [
        network_of([part]).eval()(x[:, member : member + 1], "HTS", true_lengths)
        for member, part in enumerate(parts)
    ]
    torch.testing.assert_close(together, torch.cat(alone, dim=1), rtol=1e-5, atol=1e-6)


def gradients(network: Network, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
    loss = functional.binary_cross_entropy_with_logits(
        network.train()(x, "HTS"), labels, reduction="none"
    )
    loss.mean(0).sum().backward()
    found = {key: p.grad for key, p in network.named_parameters()}
    return found | {key: b for key, b in network.named_buffers() if b.dim()}


def test_a_training_step_gives_members_the_gradients_they_have_alone():
    parts = states(2)
    x, labels = codes(8, 2), (codes(8, 2, 1)[..., 0] > 1).float()
    together = separated(gradients(network_of(parts), x, labels), 2)
    for member, part in enumerate(parts):
        own = slice(member, member + 1)
        alone = gradients(network_of([part]), x[:, own], labels[:, own])
        assert alone.keys() == together[member].keys()
        for key, value in alone.items():
            torch.testing.assert_close(together[member][key], value, rtol=1e-4, atol=1e-6)


def test_another_member_never_changes_a_score():
    parts = states(2)
    x = codes(6, 2)
    before = network_of(parts).eval()(x, "HTS")
    changed = {k: v * 3 if v.is_floating_point() else v for k, v in parts[0].items()}
    after = network_of([changed, parts[1]]).eval()(x, "HTS")
    assert torch.equal(before[:, 1], after[:, 1])
    assert not torch.equal(before[:, 0], after[:, 0])


def test_heads_share_the_backbone_and_differ_in_their_logits():
    network = Network(SMALL, ["HTS", "PBM"]).eval()
    with torch.no_grad():
        network.heads["PBM"].logit.weight.copy_(-2 * network.heads["HTS"].logit.weight)
    x = codes(3, 1)
    torch.testing.assert_close(network(x, "PBM"), -2 * network(x, "HTS"))


LAYOUTS = [
    SMALL,
    Architecture(stem_widths=(5,), blocks=1, squeeze="expanded", head_bias=True),
    Architecture(stem_widths=(3,), blocks=1, squeeze="none", depthwise_width=5),
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("training", [True, False])
def test_the_fused_pass_gives_scores_gradients_and_statistics_of_the_plain_one(layout, training):
    plain = Network(layout, ["HTS"], 2)
    fused = Network(layout, ["HTS"], 2)
    plain.train()(codes(16, 2, seed=3), "HTS")
    fused.load_state_dict(plain.state_dict())
    fused.fast = lambda codes, lengths: fused_average(fused, codes)
    x, weights = codes(7, 2), torch.randn(7, 2, generator=torch.Generator().manual_seed(1))
    results = []
    for network in (plain.train(training), fused.train(training)):
        network.zero_grad()
        logits = network(x, "HTS")
        (logits * weights).sum().backward()
        results.append((logits, dict(network.named_parameters()), network.state_dict()))
    (logits, parameters, state), (own_logits, own_parameters, own_state) = results
    torch.testing.assert_close(own_logits, logits, rtol=1e-4, atol=1e-5)
    for key, value in parameters.items():
        torch.testing.assert_close(own_parameters[key].grad, value.grad, rtol=1e-3, atol=1e-5)
    for key, value in state.items():
        torch.testing.assert_close(own_state[key], value, rtol=1e-5, atol=1e-6)
    assert int(own_state["backbone.stem.norm.num_batches_tracked"]) == 1 + training


OWN_BACKBONE = """
from torch import nn
from dann_tfbs.model.layers import one_hot

class Plain(nn.Module):
    def __init__(self, architecture, members):
        super().__init__()
        width = architecture.backbone_settings["width"]
        self.convolution = nn.Conv1d(
            members * 4, members * architecture.channels, width, padding=width // 2, groups=members
        )

    def forward(self, codes, mask):
        return self.convolution(one_hot(codes))

nothing = 3
"""


def test_a_backbone_from_outside_the_package(tmp_path, monkeypatch):
    (tmp_path / "own_backbones.py").write_text(OWN_BACKBONE)
    monkeypatch.syspath_prepend(tmp_path)
    layout = Architecture(backbone="own_backbones:Plain", backbone_settings={"width": 5})
    network = Network(layout, ["HTS"], 2)
    assert network.backbone.convolution.weight.shape == (2 * 12, 4, 5)
    assert network(codes(3, 2), "HTS").shape == (3, 2)
    assert load_kernel(layout) is None
    with pytest.raises(InputError, match=r"architecture\.backbone: 'own_backbones:nothing' is no"):
        Network(Architecture(backbone="own_backbones:nothing"), ["HTS"])
    with pytest.raises(InputError, match="cannot be imported"):
        Network(Architecture(backbone="no_such_module:Plain"), ["HTS"])
