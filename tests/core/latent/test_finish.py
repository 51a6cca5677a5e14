"""From a wrong code to the nearest edge: never right, never longer, exact on planes, by whichever way is shorter."""

import pytest
import torch

from core.latent.finish import at_the_edge
from core.latent.noise import scaled_norm
from tests.helpers.known_autoencoders import normal

ZERO = torch.zeros(1, dtype=torch.int64)


def two_classes(lead):
    """Logits (A, 2) from the lead of class 1 over class 0."""
    return lambda o: torch.stack([torch.zeros(len(o)), lead(o)], 1)


def test_the_nearest_of_several_planes_is_reached_from_behind_another():
    """Planes at distances 3, 2 and 1 from the centre; the point found lies behind the farthest alone."""
    distance, way = torch.tensor([3.0, 2.0, 1.0]), torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]])
    found = at_the_edge(
        lambda o: torch.cat([torch.zeros(len(o), 1), 5 * (o @ way.T - distance)], 1),
        ZERO,
        torch.tensor([[4.0, 0.5, 0.5]]),
        torch.tensor([[2.0, 0.5, 0.5]]),
    )
    torch.testing.assert_close(found, torch.tensor([[0.0, 0.0, -1.0]]), atol=2e-3, rtol=0)


def test_the_way_of_the_run_counts_where_rays_are_longer():
    """Wrong above a steep parabola: the run came straight up through its tip, a ray only grazes its flank."""
    lead = two_classes(lambda o: o[:, 1] - 1 - 100 * (o[:, 0] - 3).square())
    found = at_the_edge(lead, ZERO, torch.tensor([[3.0, 2.0]]), torch.tensor([[3.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([[3.0, 1.0]]), atol=2e-3, rtol=0)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_found_is_wrong_and_not_longer_however_edges_bend(seed):
    """Waves in five dimensions: tangents point astray more often than not."""
    a, b = normal(5, 4, seed=seed), normal(5, 4, seed=seed + 10)
    lead = two_classes(lambda o: (3 * o @ a).sin().sum(1) - (2 * o @ b).cos().sum(1) - 2)
    offset = normal(4000, 5, seed=seed + 20)
    offset = offset[lead(offset)[:, 1] > 0]
    found = at_the_edge(lead, torch.zeros(len(offset), dtype=torch.int64), offset, torch.zeros_like(offset))
    assert len(offset) > 200
    assert (lead(found)[:, 1] > 0).all() and (scaled_norm(found) <= scaled_norm(offset)).all()
    assert scaled_norm(found).mean() < 0.9 * scaled_norm(offset).mean()
