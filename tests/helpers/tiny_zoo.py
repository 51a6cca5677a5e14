"""A zoo of tiny untrained networks, written as the real one is, for tests of the shell."""

from pathlib import Path

import torch

from core.data.tasks import task_named
from core.models.resnet import PreActResNet, ResNetConfig
from core.models.zoo import Card, save

KEYS = ("standard", "pgd-linf", "pgd-l2")


def write_zoo(folder: Path, tasks: tuple[str, ...] = ("cifar10", "fashion-mnist")) -> Path:
    """`folder` with three networks for each task, each from a seed of its own."""
    for task in map(task_named, tasks):
        network = ResNetConfig(task.classes, task.mean, task.std, (4, 8), (1, 1))
        for seed, key in enumerate(KEYS):
            model = PreActResNet(network, torch.Generator().manual_seed(seed)).eval()
            save(model, Card(task.key, key, network, "untrained", {}, seed, "none", {}, "", 0), folder)
    return folder
