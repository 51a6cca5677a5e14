"""Folding draws a network's graph; meanwhile other threads ask networks as if nothing happened."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import torch
from torch import nn

from core.models.folding import folded

PLAIN_CALL, PLAIN_GETATTR = nn.Module.__call__, nn.Module.__getattr__


class Watched(nn.Module):
    """A convolution and a BatchNorm; calls `meanwhile` in the middle of its forward pass."""

    shape = (3, 8, 8)

    def __init__(self, meanwhile) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.meanwhile = meanwhile

    def forward(self, x):
        self.meanwhile()
        return self.norm(self.conv(x)).mean((2, 3))

    def __deepcopy__(self, memo):
        copy = Watched(lambda: None).to(self.conv.weight.dtype)
        copy.load_state_dict(self.state_dict())
        return copy.eval()


def test_a_thread_that_asks_another_network_while_a_graph_is_drawn_gets_its_answer():
    other = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), nn.Flatten()).eval()
    x = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), ThreadPoolExecutor(1) as pool:
        expected, found = other(x), []

        def ask():
            found.append((pool.submit(other, x).result(10), pool.submit(lambda: other[0].weight).result(10)))

        made = folded(Watched(ask).eval())
    assert isinstance(made.norm, nn.Identity), "the graph was drawn"
    assert all(torch.equal(answer, expected) and weight is other[0].weight for answer, weight in found) and found


def test_two_graphs_drawn_at_once_leave_modules_as_they_were():
    """Unless one waits for the other, the first to begin ends while the second is under way, which then undoes that."""
    begun, ended = Event(), Event()

    def first_waits():
        second.append(pool.submit(folded, Watched(second_waits).eval()))
        begun.wait(0.5)

    def second_waits():
        begun.set()
        ended.wait(0.5)

    second: list = []
    with ThreadPoolExecutor(1) as pool:
        made = folded(Watched(first_waits).eval())
        ended.set()
        assert isinstance(made.norm, nn.Identity) and isinstance(second[0].result(10).norm, nn.Identity)
    assert nn.Module.__call__ is PLAIN_CALL and nn.Module.__getattr__ is PLAIN_GETATTR
