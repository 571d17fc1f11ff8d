"""The LSTM behind the separable backbone against PyTorch's own bidirectional one."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from dann_tfbs.model.backbones.lstm import SideBySideLstm

INPUTS, HIDDEN, LENGTH = 3, 2, 7


def reference(layer: SideBySideLstm, member: int) -> nn.LSTM:
    """Return an `nn.LSTM` with the weights of a member."""
    lstm = nn.LSTM(INPUTS, HIDDEN, batch_first=True, bidirectional=True)
    size = 4 * HIDDEN
    with torch.no_grad():
        for direction, suffix in enumerate(("l0", "l0_reverse")):
            rows = slice((2 * member + direction) * size, (2 * member + direction + 1) * size)
            getattr(lstm, f"weight_ih_{suffix}").copy_(layer.input_weight[rows])
            getattr(lstm, f"weight_hh_{suffix}").copy_(layer.hidden_weight[rows])
            getattr(lstm, f"bias_ih_{suffix}").copy_(layer.bias[rows])
            getattr(lstm, f"bias_hh_{suffix}").zero_()
    return lstm


@pytest.mark.parametrize("lengths", [None, [7, 3, 1, 5]])
def test_each_member_is_a_bidirectional_lstm_of_its_own(lengths):
    torch.manual_seed(0)
    layer = SideBySideLstm(INPUTS, HIDDEN, 2)
    x = torch.randn(4, 2 * INPUTS, LENGTH)
    mask = None
    if lengths is not None:
        mask = (torch.arange(LENGTH) < torch.tensor(lengths)[:, None])[:, None].float()
    found = layer(x, mask).unflatten(1, (2, -1))
    for member in range(2):
        lstm = reference(layer, member)
        own = x.unflatten(1, (2, -1))[:, member].transpose(1, 2)
        if lengths is None:
            expected = lstm(own)[0]
        else:
            packed = pack_padded_sequence(own, lengths, batch_first=True, enforce_sorted=False)
            expected, _ = pad_packed_sequence(lstm(packed)[0], batch_first=True)
        inside = torch.ones(4, LENGTH, dtype=torch.bool) if mask is None else mask[:, 0] > 0
        torch.testing.assert_close(
            found[:, member].transpose(1, 2)[inside], expected[inside], rtol=1e-4, atol=1e-5
        )
