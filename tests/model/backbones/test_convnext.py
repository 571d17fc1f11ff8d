"""ConvNeXt blocks against their published form, and where they start."""

import torch
from small_backbones import LAYOUT, SMALL, codes, network_of, state_of
from torch.nn import functional

from dann_tfbs.config import Architecture
from dann_tfbs.model.network import Network


def norm(x: torch.Tensor, state: dict[str, torch.Tensor], name: str) -> torch.Tensor:
    weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
    return functional.layer_norm(x.transpose(1, 2), weight.shape, weight, bias, 1e-6).transpose(
        1, 2
    )


def published(state: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    stems = [
        functional.conv1d(x, state[f"stem.convolutions.{n}.weight"], padding="same")
        for n in range(2)
    ]
    x = norm(torch.cat(stems, dim=1), state, "stem.norm")
    for number in range(2):
        own = {
            k.removeprefix(f"blocks.{number}."): v
            for k, v in state.items()
            if k.startswith(f"blocks.{number}.")
        }
        y = functional.conv1d(
            x, own["depthwise.weight"], own["depthwise.bias"], padding="same", groups=x.shape[1]
        )
        y = norm(y, own, "norm")
        y = functional.gelu(functional.conv1d(y, own["expand.weight"], own["expand.bias"]))
        y = functional.conv1d(y, own["project.weight"], own["project.bias"])
        x = x + own["scale"][:, None] * y
    return norm(x, state, "norm")


def test_features_are_those_of_the_published_form():
    layout = SMALL["convnext"]
    state = state_of(layout, 0)
    x = codes(5, 1)
    found = network_of(layout, [state]).eval().backbone(x, None)
    own = {k.removeprefix("backbone."): v for k, v in state.items()}
    bases = torch.eye(5, 4)[x[:, 0]].transpose(1, 2)
    torch.testing.assert_close(found, published(own, bases), rtol=1e-4, atol=1e-5)


def test_blocks_start_as_good_as_absent():
    backbone = Network(Architecture(**LAYOUT, backbone="convnext"), ["HTS"]).backbone
    assert len(backbone.blocks) == 2
    x = codes(4, 1)
    before = backbone(x, None)
    backbone.blocks = backbone.blocks[:0]
    torch.testing.assert_close(before, backbone(x, None), rtol=1e-4, atol=1e-4)


def test_blocks_are_set_by_their_own_settings_not_by_those_of_the_separable_layout():
    layout = Architecture(blocks=5, expansion=2, depthwise_width=3, backbone="convnext")
    block = Network(layout, ["HTS"]).backbone.blocks[-1]
    assert block.depthwise.kernel_size == (7,)
    assert block.expand.out_channels == 4 * layout.channels
