"""Garments pasted on photographs: colour pictures whose object mask is known exactly."""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from core.data import cifar10, fashion_mnist
from core.data.datasets import SPLITS, LabelledImages, Reader, Split
from core.data.tasks import CIFAR10, FASHION_MNIST, Task

SIDE = 32  # of the photographs and the result
SIZES = range(18, 29)  # sides that a garment may have, in pixels
OPAQUE = 8  # a garment's level from which it covers the photograph; below is its black surround


def paste(garments: Tensor, photos: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Pictures uint8 (N, 3, 32, 32), and their masks int8 (N, 1, 32, 32): +1 on the garment, -1 elsewhere.

    Each garment is resized to a side drawn from 18 to 28 pixels (bilinear), tinted by a colour drawn from [0.5, 1]^3,
    and put at a place drawn so that it lies inside; where its resized level is at least 8 of 255 it covers a photograph
    drawn from `photos`. Photograph, size, place and colour are drawn without regard to anything else, so they tell
    nothing of the label.

    Args:
        garments: grey pictures on black, uint8 (N, 1, H, W).
        photos: backgrounds, uint8 (M, 3, 32, 32).
        seed: decides the result.
    """
    count, generator = len(garments), torch.Generator().manual_seed(seed)
    photo = torch.randint(0, len(photos), (count,), generator=generator)
    side = torch.randint(SIZES.start, SIZES.stop, (count,), generator=generator)
    # A place is a share of the room left, so that one draw serves every size.
    top, left = ((torch.rand(count, generator=generator) * (SIDE - side + 1)).long() for _ in range(2))
    tint = 0.5 + 0.5 * torch.rand(count, 3, 1, 1, generator=generator)
    pictures = photos[photo]
    maps = torch.full((count, 1, SIDE, SIDE), -1, dtype=torch.int8)
    for size in SIZES:
        index = (side == size).nonzero()[:, 0]
        resized = interpolate(garments[index].float(), (size, size), mode="bilinear", antialias=True)
        rows = (top[index, None] + torch.arange(size))[:, None, :, None]
        columns = (left[index, None] + torch.arange(size))[:, None, None, :]
        example = index[:, None, None, None]
        channel = torch.arange(3)[None, :, None, None]
        covered = resized >= OPAQUE
        coloured = (resized * tint[index]).round().to(torch.uint8)
        pictures[example, channel, rows, columns] = torch.where(
            covered, coloured, pictures[example, channel, rows, columns]
        )
        maps[example, 0, rows, columns] = torch.where(covered, 1, -1).to(torch.int8)
    return pictures, maps


def _by_hand(root: Path) -> str:
    return f"It is made of two sets. {cifar10.by_hand(root)} {fashion_mnist.by_hand(root)}"


def _present(root: Path) -> bool:
    return cifar10.READER.present(root) and fashion_mnist.READER.present(root)


def _fetch(root: Path) -> None:
    for reader in (cifar10.READER, fashion_mnist.READER):
        reader.fetch(root)


def _read(task: Task, root: Path, split: Split, most: int | None) -> LabelledImages:
    """Garments of a split of Fashion-MNIST on photographs of the same split of CIFAR-10: splits share neither."""
    garments = fashion_mnist.READER.read(FASHION_MNIST, root, split, None)
    photos = cifar10.READER.read(CIFAR10, root, split, None)
    pixels, maps = paste(garments.pixels, photos.pixels, SPLITS.index(split))
    return LabelledImages(pixels, garments.labels, f"{task.key} {split}", maps)


READER = Reader(_by_hand, _present, _fetch, _read)
