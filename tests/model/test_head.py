"""The block-wise loss and its gradients equal autograd's over plain cross-entropy."""

import pytest
import torch
from torch import nn

from screensmith.model import head as head_module
from screensmith.model.head import summed_loss

VOCABULARY, WIDTH, LABELS = 37, 8, 23


def example(kind=torch.float64):
    generator = torch.Generator().manual_seed(0)
    projection = nn.Linear(WIDTH, VOCABULARY, bias=False, dtype=kind)
    hidden = torch.randn(LABELS, WIDTH, generator=generator, dtype=kind, requires_grad=True)
    target = torch.randint(0, VOCABULARY, (LABELS,), generator=generator)
    weight = torch.rand(LABELS, generator=generator)
    return projection, hidden, target, weight


def plain(projection, hidden, target, weight):
    losses = nn.functional.cross_entropy(projection(hidden).float(), target, reduction="none")
    return (losses * weight).sum()


def gradients(loss, *values):
    return torch.autograd.grad(loss, values)


@pytest.mark.parametrize("rows", [1, 5, 100])
@pytest.mark.parametrize("scale", [1.0, -0.25])
def test_loss_and_gradients_equal_autograds(monkeypatch, rows, scale):
    monkeypatch.setattr(head_module, "BLOCK_BYTES", 4 * VOCABULARY * rows)
    projection, hidden, target, weight = example()
    expected = plain(projection, hidden, target, weight)
    found = summed_loss(projection, hidden, target, weight)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    wanted = gradients(expected * scale, hidden, projection.weight)
    for ours, theirs in zip(gradients(found * scale, hidden, projection.weight), wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_a_frozen_projection_gets_no_gradient_and_the_states_do():
    projection, hidden, target, weight = example()
    projection.weight.requires_grad_(False)
    summed_loss(projection, hidden, target, weight).backward()
    assert projection.weight.grad is None
    assert hidden.grad is not None


def test_a_label_may_stand_at_a_position_twice():
    projection, hidden, _, _ = example()
    twice = torch.cat([hidden[:1], hidden[:1]])
    target, weight = torch.tensor([3, 5]), torch.tensor([1.0, 0.5])
    expected = plain(projection, twice, target, weight)
    torch.testing.assert_close(
        summed_loss(projection, twice, target, weight), expected, rtol=1e-5, atol=1e-6
    )


def test_no_labels_are_a_loss_of_nothing():
    projection, hidden, target, weight = example()
    loss = summed_loss(projection, hidden[:0], target[:0], weight[:0])
    loss.backward()
    assert loss.item() == 0.0


def test_a_head_that_is_no_plain_projection_goes_its_own_way():
    projection, hidden, target, weight = example()
    head = nn.Sequential(projection)
    torch.testing.assert_close(
        summed_loss(head, hidden, target, weight), plain(projection, hidden, target, weight)
    )


def test_under_autocast_the_loss_is_that_of_bfloat16_products():
    projection, hidden, target, weight = example(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        expected = plain(projection, hidden, target, weight)
        found = summed_loss(projection, hidden, target, weight)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
    ours = gradients(found, hidden, projection.weight)
    theirs = gradients(expected, hidden, projection.weight)
    for one, other in zip(ours, theirs, strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=2e-2, atol=2e-2)
