"""The networks and images that are timed, and where they come from."""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.data.datasets import available, load
from core.data.tasks import CIFAR10
from core.devices import CPU
from core.models.resnet import PreActResNet
from core.models.step_precision import quick_precision
from core.models.zoo import Card, ZooModel, assemble, cards, load_zoo_model
from core.training.plan import network_for

TASK = CIFAR10
KEYS = ("standard", "pgd-linf", "pgd-l2")
SEED = 0


@dataclass(frozen=True, slots=True)
class Subjects:
    """Three networks and a batch of images.

    Attributes:
        models: by key.
        weights: what their weights are, one sentence.
        x: images (B, C, H, W) in [0, 1].
        labels: the true classes where they are known; None otherwise.
        images: what the images are, one sentence.
    """

    models: dict[str, ZooModel]
    weights: str
    x: Tensor
    labels: Tensor | None
    images: str

    def labels_for(self, model: ZooModel) -> Tensor:
        """The true classes; the model's own answers where there are none, or where an untrained model has no others."""
        if self.labels is not None and model.card.recipe != UNTRAINED:
            return self.labels
        with torch.no_grad():
            return model.plain(self.x).argmax(1)


UNTRAINED = "untrained"
QUICK = quick_precision(CPU)
"""What gradients are quickest in here."""


def subjects(count: int) -> Subjects:
    """The shipped networks of the colour task and `count` test images; stand-ins where one of them is not there."""
    if available(TASK):
        test = load(TASK, "test")
        x, labels = test.pixels[:count].float() / 255, test.labels[:count]
        images = f"the first {count} images of the {TASK.title} test set"
    else:
        x, labels = _smooth_noise(count), None
        images = f"{count} images of smooth noise (no {TASK.title} here), labelled by each network's own answers"
    shipped = cards(TASK.key)
    if all(key in shipped for key in KEYS):
        models = {key: load_zoo_model(TASK.key, key) for key in KEYS}
        return Subjects(models, "the shipped weights", x, labels, images)
    models = {key: _untrained(key, seed) for seed, key in enumerate(KEYS)}
    weights = "UNTRAINED networks of the shipped architecture (no weights ship yet), labelled by their own answers"
    return Subjects(models, weights, x, labels, images)


def _smooth_noise(count: int) -> Tensor:
    """Random images (N, C, H, W) in [0, 1] with the coarse structure of photographs."""
    generator = torch.Generator().manual_seed(SEED)
    coarse = torch.rand(count, TASK.shape[0], 8, 8, generator=generator)
    return torch.nn.functional.interpolate(coarse, TASK.shape[1:], mode="bicubic").clamp(0.0, 1.0)


def _untrained(key: str, seed: int) -> ZooModel:
    """A fresh network of the shipped architecture with plausible running statistics."""
    generator = torch.Generator().manual_seed(seed)
    model = PreActResNet(network_for(TASK), generator).train()
    images = _smooth_noise(128)
    with torch.no_grad():
        for _ in range(20):
            model(images)
        model.eval().head.bias.sub_(model(images).mean(0))  # no class preferred, so that answers vary
    card = Card(TASK.key, key, model.config, UNTRAINED, {}, seed, "", {}, "", 0)
    return assemble(card, model.state_dict())
