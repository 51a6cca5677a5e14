"""What trainings share: orders, the optimiser's groups, the average of the weights."""

import torch
from torch import nn

from core.training.moving import follow, order_of, sgd, state_of


def test_an_order_uses_each_image_once_before_any_again():
    order = order_of(5, 12, torch.Generator().manual_seed(0))
    assert len(order) >= 12
    assert all(sorted(order[at : at + 5].tolist()) == [0, 1, 2, 3, 4] for at in (0, 5, 10))
    assert torch.equal(order, order_of(5, 12, torch.Generator().manual_seed(0)))


def test_biases_do_not_decay():
    network = nn.Linear(3, 2)
    before = state_of(network)
    optimiser = sgd(network, 0.1, 0.0, 0.5)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    assert torch.equal(network.bias, before["bias"]) and torch.allclose(network.weight, 0.95 * before["weight"])
    assert not optimiser.defaults["nesterov"] and sgd(network, 0.1, 0.9, 0.0).defaults["nesterov"]


def test_an_average_follows_weights_and_copies_counts():
    network = nn.BatchNorm1d(2)
    average = state_of(network)
    with torch.no_grad():
        network.weight.fill_(3.0)
        network.num_batches_tracked.fill_(7)
    follow(average, network, 0.75)
    assert average["weight"].tolist() == [1.5, 1.5] and average["num_batches_tracked"] == 7
