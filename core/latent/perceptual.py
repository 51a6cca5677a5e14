"""How far images lie apart in the eyes of a classifier: the distance of its features, layer by layer."""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from core.models.layers import outputs_of, stage_layers
from core.models.pooled import PooledClassifier, as_pooled


def taps(network: nn.Module, x: Tensor) -> list[Tensor]:
    """The features (N, width, h, w) that each stage of `network` hands on, for images `x` (N, C, H, W) in [0, 1].

    Where the network does not name them, `core.models.layers.stage_layers` finds them.

    Raises:
        ConfigError: the network has no layer with places.
    """
    if isinstance(network, PooledClassifier):
        return network.stage_maps(x)
    stages = stage_layers(network, x.shape[1:])
    return [stage.as_map(output) for stage, output in zip(stages, outputs_of(network, x, stages)[1], strict=True)]


def logits_of(network: nn.Module, last: Tensor) -> Tensor:
    """The logits (N, K) that belong to the features of the last stage (N, width, h, w).

    Raises:
        ConfigError: the network does not end in a linear layer on the mean of its last feature map.
    """
    return as_pooled(network).logits_of(last)


def feature_distance(first: list[Tensor], second: list[Tensor]) -> Tensor:
    """The distances (N,), in [0, 4], of images from their `taps`.

    `mean over stages of mean over places |u(f) - u(f')|^2`, where u brings each place's channels to length 1: LPIPS
    without learned weights (Zhang et al. 2018, arXiv:1801.03924, eq. 1), on the project's own networks. A robust
    network's features follow what people see (Engstrom et al. 2019, arXiv:1906.00945), so such a one is meant.
    """
    stages = []
    for one, other in zip(first, second, strict=True):
        stages.append((normalize(one.float()) - normalize(other.float())).square().sum(1).mean((1, 2)))
    return torch.stack(stages).mean(0)
