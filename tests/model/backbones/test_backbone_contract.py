"""What every built-in backbone must keep to."""

import json

import numpy as np
import pytest
import torch
from small_backbones import SMALL, codes, network_of, state_of
from torch import nn

from dann_tfbs.config import Architecture
from dann_tfbs.errors import InputError
from dann_tfbs.experiments.exported import Exporter
from dann_tfbs.model.deployed import DeployedNetwork
from dann_tfbs.model.network import BUILT_IN, Network, count_parameters, separated
from dann_tfbs.model.scoring import score
from dann_tfbs.sequence import Sequences
from dann_tfbs.training.engine import WORTH_BUILDING, use_engine
from dann_tfbs.training.optimisation import flattened

every_backbone = pytest.mark.parametrize("layout", SMALL.values(), ids=SMALL)


def pair(layout: Architecture) -> Network:
    return network_of(layout, [state_of(layout, seed) for seed in range(2)])


def test_every_built_in_backbone_is_tested_here():
    assert set(SMALL) == set(BUILT_IN) - {"separable"}


@every_backbone
def test_no_linear_layer_and_no_non_linearity_of_two_places_or_in_place(layout):
    calls: dict[str, int] = {}
    network = Network(layout, ["HTS"])
    for name, module in network.named_modules():
        assert not isinstance(module, nn.Linear)
        assert not getattr(module, "inplace", False)
        if isinstance(module, nn.SiLU | nn.GELU | nn.Sigmoid):
            calls[name] = 0
            module.register_forward_hook(
                lambda *_, name=name: calls.update({name: calls[name] + 1})
            )
    network(codes(3, 1), "HTS")
    assert calls
    assert set(calls.values()) == {1}


@every_backbone
@pytest.mark.parametrize("training", [True, False])
def test_another_member_changes_neither_features_nor_gradients(layout, training):
    network = pair(layout).train(training)
    x = codes(6, 2)
    results = []
    for _ in range(2):
        network.zero_grad()
        features = network.backbone(x, None)
        assert features.shape == (6, 2 * layout.channels, 15)
        features.square().sum().backward()
        slopes = {k: p.grad for k, p in network.backbone.named_parameters()}
        results.append((features.detach(), separated(slopes, 2)))
        x = torch.stack([codes(6, 1, seed=9)[:, 0], x[:, 1]], dim=1)
        with torch.no_grad():
            for parameter in network.backbone.parameters():
                parameter[: len(parameter) // 2] *= 1.5
    (before, slopes), (after, other_slopes) = results
    own = layout.channels
    assert torch.equal(before[:, own:], after[:, own:])
    assert not torch.equal(before[:, :own], after[:, :own])
    for key, value in slopes[1].items():
        assert torch.equal(value, other_slopes[1][key]), key


@every_backbone
@pytest.mark.parametrize("lengths", [None, [15, 9, 4, 12]])
def test_members_score_as_they_do_alone_and_separate_as_they_were_joined(layout, lengths):
    states = [state_of(layout, seed) for seed in range(3)]
    together = network_of(layout, states)
    for before, after in zip(states, separated(together.state_dict(), 3), strict=True):
        assert before.keys() == after.keys()
        assert all(torch.equal(before[key], after[key]) for key in before)
    x = codes(4, 3)
    lengths = None if lengths is None else torch.tensor(lengths)
    alone = [
        network_of(layout, [state]).eval()(x[:, n : n + 1], "HTS", lengths)
        for n, state in enumerate(states)
    ]
    torch.testing.assert_close(
        together.eval()(x, "HTS", lengths), torch.cat(alone, dim=1), rtol=1e-4, atol=1e-5
    )


@every_backbone
def test_filling_changes_nothing_inside(layout):
    backbone = pair(layout).eval().backbone
    lengths = [15, 9, 1, 12]
    x = codes(4, 2)
    mask = (torch.arange(15) < torch.tensor(lengths)[:, None])[:, None].float()
    filled = backbone(x.where(mask > 0, 4), mask)
    # Other codes in the filling, and more of it.
    noisy = backbone(x.where(mask > 0, 3 - codes(4, 2, seed=5) % 4), mask)
    longer = backbone(
        nn.functional.pad(x, (0, 6), value=2), nn.functional.pad(mask, (0, 6), value=0.0)
    )
    for row, length in enumerate(lengths):
        inside = filled[row, :, :length]
        assert torch.equal(noisy[row, :, :length], inside)
        alone = backbone(x[row : row + 1, :, :length], None)[0]
        torch.testing.assert_close(inside, alone, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(longer[row, :, :length], alone, rtol=1e-4, atol=1e-5)


@every_backbone
def test_neighbours_matter_and_n_is_no_base(layout):
    backbone = pair(layout).eval().backbone
    x = torch.zeros(1, 2, 9, dtype=torch.long)
    changed = x.clone()
    changed[0, :, 4] = 2
    reach = (backbone(changed, None) != backbone(x, None)).any(1)[0]
    assert reach[3:6].all()
    unknown = backbone(torch.full_like(x, 4), None)
    for base in range(4):
        assert not torch.equal(backbone(torch.full_like(x, base), None), unknown)


@every_backbone
def test_an_exported_graph_scores_as_the_network_at_other_sizes(layout, tmp_path):
    network = pair(layout).eval()
    deployed = DeployedNetwork(network, "HTS", "forward").eval()
    Exporter().save(deployed, np.zeros((2, 20), dtype=np.int64), tmp_path / "model.pt2")
    loaded = torch.export.load(tmp_path / "model.pt2").module()
    for n, length in ((1, 7), (5, 33)):
        x = codes(n, 1, length)[:, 0]
        sequences = Sequences(x.numpy().astype(np.uint8), np.full(n, length))
        logits = score(network, "HTS", sequences, "forward").mean(1)
        torch.testing.assert_close(
            loaded(x), torch.sigmoid(torch.from_numpy(logits)), rtol=1e-4, atol=1e-5
        )


@every_backbone
def test_auto_computes_it_plainly_and_the_kernel_is_refused(layout):
    network = Network(layout, ["HTS"])
    vector = flattened(list(network.backbone.parameters()))
    use_engine(network, "auto", WORTH_BUILDING, vector)
    assert network.fast is None
    for name in ("native", "compiled"):
        with pytest.raises(InputError, match=r"training\.engine"):
            use_engine(network, name, WORTH_BUILDING, vector)


@pytest.mark.parametrize("backbone", SMALL)
def test_unknown_and_wrong_settings_are_refused_by_their_key(backbone):
    with pytest.raises(InputError, match=r"^architecture\.backbone_settings\.wdth: there is no "):
        Network(Architecture(backbone=backbone, backbone_settings={"wdth": 3}), ["HTS"])


@pytest.mark.parametrize(
    ("backbone", "key", "value"),
    [
        ("legnet", "width", 4),
        ("legnet", "block_sizes", [8, 0]),
        ("convnext", "width", 4),
        ("embedding", "kmer", 2),
        ("lstm", "hidden", 0),
    ],
)
def test_settings_that_cannot_be_are_refused(backbone, key, value):
    with pytest.raises(InputError, match=rf"^architecture\.backbone_settings\.{key}"):
        Network(Architecture(backbone=backbone, backbone_settings={key: value}), ["HTS"])


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r"no backbone 'legnett'.* separable, legnet, convnext"):
        Network(Architecture(backbone="legnett"), ["HTS"])


STATED = [
    ({"backbone": "legnet"}, 542_640),
    (
        {
            "backbone": "legnet",
            "backbone_settings": {"block_sizes": [256, 128, 128, 64, 64, 64, 64]},
        },
        2_125_640,
    ),
    ({"backbone": "legnet", "backbone_settings": {"block_sizes": [10, 5, 5]}}, 3407),
    ({"backbone": "convnext"}, 3372),
    (
        {
            "backbone": "convnext",
            "stem_widths": [9, 11],
            "stem_channels": 7,
            "backbone_settings": {"expansion": 3},
        },
        3402,
    ),
    (
        {
            "backbone": "convnext",
            "stem_widths": [5, 7],
            "stem_channels": 9,
            "backbone_settings": {"blocks": 1},
        },
        3402,
    ),
    ({"backbone": "convnext", "stem_channels": 32, "backbone_settings": {"blocks": 7}}, 532_320),
    ({"stem_channels": 32, "blocks": 8}, 512_352),
    ({"backbone": "embedding"}, 4058),
    ({"backbone": "embedding", "backbone_settings": {"dimension": 4}}, 3418),
    ({"backbone": "embedding", "backbone_settings": {"kmer": 3, "dimension": 3}}, 3438),
    ({"backbone": "embedding", "backbone_settings": {"kmer": 3}}, 4538),
    ({"backbone": "lstm"}, 7498),
    ({"blocks": 5}, 7515),
    ({"backbone": "lstm", "blocks": 1, "backbone_settings": {"hidden": 7}}, 3319),
]
"""Layouts of docs/backbones.md with their numbers of trainable parameters, head included."""


@pytest.mark.parametrize(("values", "parameters"), STATED, ids=lambda v: json.dumps(v))
def test_layouts_have_the_stated_number_of_parameters(values, parameters):
    with torch.device("meta"):
        network = Network(Architecture(**values), ["HTS"])
    assert count_parameters(network) == parameters
