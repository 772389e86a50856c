"""Dropout on the CPU drops as often as torch's, scales what it keeps, and follows torch's seed."""

import pytest
import torch

from harness.models.cpu_kernels import Dropout

ONES = torch.ones(400, 500)


@pytest.mark.parametrize("p", [0.05, 0.1, 0.5])
def test_it_drops_the_share_that_it_is_asked_to_and_keeps_the_mean(p):
    torch.manual_seed(0)
    dropped = Dropout(p)(ONES)
    assert (dropped == 0).float().mean().item() == pytest.approx(p, abs=0.005)
    assert dropped.mean().item() == pytest.approx(1, abs=0.01)
    assert dropped.unique().tolist() == pytest.approx([0, 1 / (1 - p)], rel=1e-4)


def test_the_seed_of_torch_decides_the_mask():
    masks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        masks.append(Dropout(0.1)(ONES))
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])


def test_two_masks_in_a_row_differ():
    dropout = Dropout(0.1)
    assert not torch.equal(dropout(ONES), dropout(ONES))


def test_the_gradient_is_dropped_where_the_value_is():
    values = ONES.clone().requires_grad_()
    dropped = Dropout(0.3)(values)
    dropped.sum().backward()
    torch.testing.assert_close(values.grad, dropped.detach())


def test_outside_of_training_nothing_is_dropped():
    assert Dropout(0.5).eval()(ONES) is ONES
    assert torch.equal(Dropout(0.0)(ONES), ONES)
