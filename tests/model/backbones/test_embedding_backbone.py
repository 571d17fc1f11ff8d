"""The embedding in front of the separable backbone."""

import torch
from small_backbones import LAYOUT

from dann_tfbs.config import Architecture
from dann_tfbs.model.backbones.embedding import KmerEmbedding
from dann_tfbs.model.network import Network


def test_a_table_of_unit_vectors_makes_it_the_separable_backbone():
    plain = Network(Architecture(**LAYOUT), ["HTS"], 2).eval()
    layout = Architecture(**LAYOUT, backbone="embedding", backbone_settings={"dimension": 4})
    embedded = Network(layout, ["HTS"], 2).eval()
    table = "backbone.stem.embedding.table"
    embedded.load_state_dict(plain.state_dict() | {table: torch.eye(4).repeat(2, 1)})
    x = torch.randint(0, 5, (6, 2, 15), generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([15, 3, 9, 12, 1, 15])
    x = x.where((torch.arange(15) < lengths[:, None])[:, None], 4)
    torch.testing.assert_close(embedded(x, "HTS", lengths), plain(x, "HTS", lengths))


def test_the_k_mer_around_each_position_is_looked_up_in_the_members_own_table():
    embedding = KmerEmbedding(3, 2, 2)
    with torch.no_grad():
        embedding.table.copy_(torch.arange(256.0).view(128, 2))
    # Neither the first nor the last base has two neighbours; CNG holds an N three times.
    codes = torch.tensor([[[0, 1, 2, 3, 4, 2, 2, 1], [3, 3, 3, 0, 0, 0, 1, 1]]])
    found = embedding(codes)[0]
    first = {(0, 1, 2): 1, (1, 2, 3): 2, (2, 2, 1): 6}
    expected = torch.zeros(2, 8)
    for (a, b, c), place in first.items():
        word = a + 4 * b + 16 * c
        expected[:, place] = torch.tensor([2.0 * word, 2.0 * word + 1])
    assert torch.equal(found[:2], expected)
    word = 64 + 3 + 4 * 3 + 16 * 3  # TTT of the second member
    assert found[2:, 1].tolist() == [2 * word, 2 * word + 1]
    assert found[2:, [0, 7]].eq(0).all()
