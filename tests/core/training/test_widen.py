"""A wider network takes over what a narrower one has learned, and answers as it does."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from core.errors import ConfigError
from core.models.resnet import PreActResNet, ResNetConfig
from core.training.widen import take_over

NARROW = ResNetConfig(widths=(4, 6), blocks=(1, 2), activation="hhrelu")
WIDE = replace(NARROW, widths=(5, 9))


def _network(config: ResNetConfig, seed: int) -> PreActResNet:
    """Weights drawn, and BatchNorm's values moved away from where they begin."""
    generator = torch.Generator().manual_seed(seed)
    network = PreActResNet(config, generator)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.dim() == 1:
                value.add_(0.5 * torch.rand(value.shape, generator=generator))
    return network


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("widths", [(5, 9), (4, 9), (5, 6), (4, 6)])
def test_it_answers_as_the_one_that_it_goes_on_from(train, widths):
    start, model = _network(NARROW, 0).train(train), _network(replace(NARROW, widths=widths), 1).train(train)
    take_over(model, start)
    x = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    assert_close(model(x), start(x))


def test_the_new_channels_learn():
    """What reads them begins at 0 and gets a gradient: otherwise they would stay unread."""
    model = _network(WIDE, 1)
    take_over(model, _network(NARROW, 0))
    x = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    cross_entropy(model(x), torch.arange(6)).backward()
    weight = model.get_submodule("stages.1.1.conv2").weight
    assert not weight[:6, 6:].any() and weight.grad[:6, 6:].abs().amax((0, 2, 3)).min() > 0
    assert not model.head.weight[:, 6:].any() and model.head.weight.grad[:, 6:].abs().amax(0).min() > 0
    assert weight[6:].abs().amax((1, 2, 3)).min() > 0  # as they were drawn


def test_the_start_stays_as_it_is():
    start, model = _network(NARROW, 0), _network(NARROW, 1)
    take_over(model, start)
    before = start.stem.weight.clone()
    with torch.no_grad():
        model.stem.weight.add_(1)
    assert torch.equal(start.stem.weight, before)


@pytest.mark.parametrize(
    ("start", "message"),
    [(replace(NARROW, blocks=(1, 1)), "same layers"), (replace(NARROW, widths=(4, 10)), "whose .* is .*10")],
)
def test_others_are_refused(start, message):
    with pytest.raises(ConfigError, match=message):
        take_over(_network(WIDE, 1), _network(start, 0))
