"""Gradient reversal against a derivative by hand."""

import pytest
import torch

from dann_tfbs.adaptation.reversal import reverse


@pytest.mark.parametrize("factor", [0.0, 0.3, 2.0])
def test_gradient_is_the_hand_derivative_times_minus_factor(factor: float):
    x = torch.tensor([0.5, -1.5, 2.0], requires_grad=True)
    w = torch.tensor([2.0, 1.0, -3.0], requires_grad=True)
    y = (w * reverse(x**2, factor)).sum()
    assert y.item() == pytest.approx(2 * 0.25 + 2.25 - 3 * 4)
    y.backward()
    # d/dx Σ w x² = 2 w x, reversed where x² enters; d/dw = x², untouched after the reversal.
    by_hand = [-factor * 2 * 2 * 0.5, -factor * 2 * 1 * -1.5, -factor * 2 * -3 * 2]
    assert x.grad is not None
    assert w.grad is not None
    assert x.grad.tolist() == pytest.approx(by_hand)
    assert w.grad.tolist() == pytest.approx([0.25, 2.25, 4.0])
    if factor == 0:
        assert (x.grad == 0).all()


def test_forwards_nothing_changes():
    x = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(reverse(x, 0.7), x)
