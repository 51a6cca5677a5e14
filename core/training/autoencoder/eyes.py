"""The frozen network that a generator learns with: how alike pictures look to it, and which class it reads."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from core.data.datasets import LabelledImages
from core.data.tasks import IMAGENET
from core.models.pooled import PooledClassifier, as_pooled
from core.models.zoo import load_zoo_model
from core.training.autoencoder.plan import PACKAGED, AutoencoderRecipe

SIDE = 96  # pixels of a picture as the packaged network sees it
STAGES, WIDTHS = (1, 2, 4, 6), (24, 40, 112, 320)  # of its blocks, those whose maps are looked at, and their channels
CHUNK = 256
ROUNDS, DECAY = 60, 1e-3  # of the fit of the last layer: steps of L-BFGS, weight of its squared weights


@dataclass(frozen=True, slots=True, eq=False)
class Eyes:
    """A frozen network, and the checksum of the weights that it was made from."""

    network: PooledClassifier
    sha256: str


def eyes_of(task: str, recipe: AutoencoderRecipe, data: LabelledImages, device: torch.device) -> Eyes:
    """What `recipe.classifier` names, on a device.

    Args:
        task: key of the task.
        recipe: of a generator.
        data: the images that it learns from; the packaged network's last layer is fitted on them, where the recipe
            looks through it.
        device: where to compute.

    Raises:
        ConfigError: there is no such network, or it does not end in a linear layer on the mean of its features.
        InputError: its files are damaged.
    """
    if recipe.classifier != PACKAGED:
        model = load_zoo_model(task, recipe.classifier).on(device)
        return Eyes(as_pooled(model.fast), model.card.sha256)
    model = load_zoo_model(IMAGENET.key, "standard").on(device)
    return Eyes(PackagedEyes(model.fast, data.on(device) if recipe.looks else None), model.card.sha256)


class PackagedEyes(PooledClassifier):
    """EfficientNet-Lite0 as published, on pictures of any size, with a last layer for the classes of `data`.

    A network trained on photographs sees what matters in them (Sauer et al. 2021, arXiv:2111.01007, who judge by one of
    its family); it belongs to another task, so that no network of this one is looked at through itself. Grey pictures
    are given three times. Depthwise convolutions gain nothing from bfloat16: it computes in float32 always.
    """

    def __init__(self, published: nn.Module, data: LabelledImages | None) -> None:
        """`published` is the network of the task `imagenet` with its preprocessing; it is shared and stays as it is.

        Without `data` no last layer is fitted, which takes a pass over all of them, and there are no answers.
        """
        super().__init__()
        parts = [published.get_submodule(name) for name in ("preprocess", "network.conv_stem", "network.bn1")]
        self.start = nn.Sequential(*parts)
        self.blocks = nn.ModuleList(published.get_submodule("network.blocks").children())
        self._last = None if data is None else _fitted(self, data)

    @property
    def widths(self) -> tuple[int, ...]:
        """The channels of each entry of `stage_maps`."""
        return WIDTHS

    def stage_maps(self, x: Tensor) -> list[Tensor]:
        """Maps (B, width, h, w) at a quarter, an eighth, a 16th and a 32nd of `SIDE`, for images (B, 1 or 3, H, W)."""
        with torch.autocast(x.device.type, enabled=False):
            x = interpolate(x.float().expand(-1, 3, -1, -1), (SIDE, SIDE), mode="bilinear", align_corners=False)
            h = self.start(x)
            maps = []
            for place, block in enumerate(self.blocks):
                h = block(h)
                if place in STAGES:
                    maps.append(h)
        return maps

    @property
    def last_layer(self) -> nn.Linear:
        """What was fitted."""
        assert self._last is not None
        return self._last

    def last_features(self, last: Tensor) -> Tensor:
        """The features that belong to the map of the last stage: the map itself."""
        return last


def _fitted(eyes: PackagedEyes, data: LabelledImages) -> nn.Linear:
    """The linear layer that tells the classes of `data` best from the mean of the last map: logistic regression."""
    with torch.no_grad():
        chunks = [data.images(at, at + CHUNK) for at in range(0, len(data), CHUNK)]
        pooled = torch.cat([eyes.stage_maps(x)[-1].mean((2, 3)) for x in chunks])
    classes = int(data.labels.max()) + 1
    mean, deviation = pooled.mean(0), pooled.std(0).clamp_min(1e-6)
    pooled = (pooled - mean) / deviation
    weight = torch.zeros(classes, pooled.shape[1], device=data.device, requires_grad=True)
    bias = torch.zeros(classes, device=data.device, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=ROUNDS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = cross_entropy(pooled @ weight.T + bias, data.labels) + DECAY * weight.square().sum()
        value.backward()
        return value

    optimiser.step(loss)
    layer = nn.Linear(pooled.shape[1], classes, device=data.device).requires_grad_(False)
    layer.weight.copy_(weight.detach() / deviation)
    layer.bias.copy_(bias.detach() - layer.weight @ mean)
    return layer
