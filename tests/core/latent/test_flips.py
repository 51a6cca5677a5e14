"""The nearest flip is where a ribbon turns first, of all sliders, and none where no answer turns."""

import torch

from core.latent.directions import directions
from core.latent.flips import nearest_flips
from core.latent.ribbons import ribbon
from tests.helpers.known_autoencoders import Linear


def test_each_classifiers_flip_is_the_nearest_turn_among_all_sliders():
    """One answers by the first pixel's side of a threshold, another always the same."""
    weight = torch.zeros(16, 2)
    weight[0, 0], weight[1, 1] = 0.1, 0.3
    decoder, z, labels = Linear(weight), torch.zeros(1, 2), torch.tensor([0])

    def steep(x):
        return torch.stack([torch.full((len(x),), 0.12), x.flatten(1)[:, 0] - 0.5], 1)

    def deaf(x):
        return torch.tensor([[1.0, 0.0]]).expand(len(x), 2)

    ways = directions(decoder, z, labels, 2)
    found, none = nearest_flips(decoder, [steep, deaf], z, labels, ways)
    assert none is None and found is not None
    rows = [ribbon(decoder, [steep], z, labels, ways, [0.0, 0.0], slider) for slider in (0, 1)]
    turns = [abs(float(at)) for row in rows for at in row.positions[row.predicted[0] == 1]]
    assert abs(found.position) == min(turns) == 1.25 and (found.slider, found.answer) == (1, 1)
    assert abs(found.x[0, 0, 0] - 0.625) < 1e-6 and 0.5 < found.share < 1
