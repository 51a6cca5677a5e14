"""Tiny untrained generators, kept in a folder as those that ship are."""

from pathlib import Path

import torch

from core.data.tasks import task_named
from core.latent.generator import GeneratorCard, save
from core.latent.network import GeneratorConfig, GeneratorNetwork

LATENT = 16


def write_generators(folder: Path, tasks: tuple[str, ...] = ("cifar10", "fashion-mnist")) -> Path:
    """`folder` with a generator for each task, each from a seed of its own."""
    for seed, task in enumerate(map(task_named, tasks)):
        config = GeneratorConfig(task.classes, task.shape, LATENT, (8, 8, 4))
        network = GeneratorNetwork(config, torch.Generator().manual_seed(seed))
        with torch.no_grad():  # fresh ones draw nearly the same for every code
            network.decoder.last.weight.mul_(40)
        save(network, GeneratorCard(task.key, config, "untrained", {}, seed, "none", {}), folder)
    return folder
