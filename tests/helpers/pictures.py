"""Pictures that are made up."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from core.data.datasets import LabelledImages
from core.data.tasks import task_named


def rand(*shape: int, seed: int = 0) -> torch.Tensor:
    """Numbers uniform in [0, 1)."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def png(pixels: np.ndarray) -> bytes:
    """Grey levels (H, W), or colours (H, W, 3), uint8, as a PNG file."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def columns(count: int, seed: int, task: str = "fashion-mnist") -> LabelledImages:
    """Pictures whose class is a bright column, with noise."""
    problem = task_named(task)
    labels = torch.arange(count) % problem.classes
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 60, (count, *problem.shape), generator=generator).to(torch.uint8)
    for index, label in enumerate(labels.tolist()):
        pixels[index, :, :, 2 * label + 3 : 2 * label + 6] += 150
    return LabelledImages(pixels, labels, f"columns {seed}")


def write_class_folders(folder: Path, names: Sequence[str], each: int = 2) -> Path:
    """`folder` with a subfolder a class, in each a few noisy pictures."""
    generator = np.random.default_rng(0)
    for name in names:
        (folder / name).mkdir(parents=True)
        for number in range(each):
            pixels = generator.integers(0, 256, (48, 40, 3), dtype=np.uint8)
            (folder / name / f"{number}.png").write_bytes(png(pixels))
    return folder
