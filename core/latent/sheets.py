"""What ships of generators as pictures: galleries to pick from, and contact sheets to judge them by."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from core.checksums import write_checked
from core.data import galleries
from core.data.pasted import paste
from core.data.tasks import PASTED, Task
from core.images import fit, to_png
from core.latent.autoencoder import Autoencoder

PER_CLASS = 2
COLUMNS = 10  # samples of each class on the sheet
SCALE = 2  # pixels a pixel on the sheets
PRIOR = "N(0, I), none left out"
GAP = 4  # pixels between the halves of a sheet, before enlarging


def write_gallery(autoencoder: Autoencoder, folder: Path, seed: int, command: str) -> list[Path]:
    """Write samples of every class as PNG to `folder`, with `made.json` that says how; returns the pictures' paths.

    They are the first samples drawn from the full prior: none is left out.

    Raises:
        InputError: the folder can't be written.
    """
    made = {"command": command, "seed": seed, "generator": autoencoder.card.sha256, "prior": PRIOR}
    return _write_pictures(autoencoder.task, _samples(autoencoder, PER_CLASS, seed), folder, made)


def write_pasted_gallery(
    garments: Autoencoder, photographs: Autoencoder, folder: Path, seed: int, command: str
) -> list[Path]:
    """Write a gallery of the task `pasted`: samples of one generator pasted on samples of another, with their masks.

    As in `write_gallery`, none is left out. A mask is white on the garment.

    Raises:
        InputError: the folder can't be written.
    """
    grey, colour = ((255 * _samples(each, PER_CLASS, seed)).round().to(torch.uint8) for each in (garments, photographs))
    pixels, maps = paste(grey, colour, seed)
    stated = {"command": command, "seed": seed, "prior": PRIOR}
    stated |= {"garments": garments.card.sha256, "photographs": photographs.card.sha256}
    paths = _write_pictures(PASTED, pixels / 255.0, folder, stated)
    for index, map_ in enumerate(maps):
        paths.append(folder / galleries.MASK.format(f"{index:02d}"))
        write_checked(paths[-1], to_png((map_ + 1) / 2.0))
    return paths


def _write_pictures(task: Task, x: Tensor, folder: Path, made: Mapping[str, object]) -> list[Path]:
    """Write pictures (K count, C, H, W) of the classes in turn, and how they were made; returns the pictures' paths."""
    paths = []
    for index, picture in enumerate(x):
        name = task.class_names[index // PER_CLASS].replace("/", "-")
        paths.append(folder / f"{index:02d}-{name}.png")
        write_checked(paths[-1], to_png(picture))
    write_checked(folder / galleries.MADE, (json.dumps(made, indent=1) + "\n").encode())
    return paths


def write_sheets(autoencoder: Autoencoder, folder: Path, seed: int) -> list[Path]:
    """Write the contact sheets `<task>-samples.png` and `<task>-rebuilt.png` to `folder`; returns their paths.

    The first has a row of ten samples a class and, beside it, the same after encoding and decoding. The second has
    the photographs that every gallery offers, as the task sees them, above what the generator makes of them in the
    class that it rebuilds best.

    Raises:
        InputError: the folder can't be written.
    """
    task = autoencoder.task
    x = _samples(autoencoder, COLUMNS, seed)
    labels = torch.arange(task.classes).repeat_interleave(COLUMNS)
    samples = [_grid(x, COLUMNS), _grid(autoencoder.decode(autoencoder.encode(x, labels), labels), COLUMNS)]
    photographs = _photographs(task)
    best = torch.cat([nearest_class(autoencoder, one[None])[1] for one in photographs])
    sheets = {"samples": _beside(samples), "rebuilt": _grid(torch.cat([photographs, best]), len(photographs))}
    paths = []
    for name, sheet in sheets.items():
        paths.append(folder / f"{task.key}-{name}.png")
        write_checked(paths[-1], to_png(sheet, SCALE))
    return paths


def nearest_class(autoencoder: Autoencoder, x: Tensor) -> tuple[int, Tensor]:
    """The class as which `x` (1, C, H, W) is rebuilt with the least squared error, and that picture (1, C, H, W)."""
    labels = torch.arange(autoencoder.task.classes)
    with torch.no_grad():
        every = x.expand(len(labels), -1, -1, -1)
        rebuilt = autoencoder.decode(autoencoder.encode(every, labels), labels)
    best = int((rebuilt - every).square().mean((1, 2, 3)).argmin())
    return best, rebuilt[best : best + 1]


def _samples(autoencoder: Autoencoder, count: int, seed: int) -> Tensor:
    """`count` samples of each class in turn, (K count, C, H, W)."""
    labels = torch.arange(autoencoder.task.classes).repeat_interleave(count)
    with torch.no_grad():
        return autoencoder.decode(autoencoder.sample(len(labels), torch.Generator().manual_seed(seed)), labels)


def _photographs(task: Task) -> Tensor:
    """The photographs of the gallery, brought to the task's shape (N, C, H, W)."""
    names = [item.key.removeprefix("photo:") for item in galleries.photographs(task)]
    return torch.cat([fit(galleries.photograph(name).pixels, task.shape, "crop", task.background) for name in names])


def _grid(x: Tensor, columns: int) -> Tensor:
    """Pictures (N, C, H, W) in rows of `columns`, one picture (C, rows H, columns W)."""
    channels, width = x.shape[1], x.shape[3]
    rows = x.unflatten(0, (-1, columns)).permute(2, 0, 3, 1, 4)
    sheet: Tensor = rows.reshape(channels, -1, columns * width)
    return sheet


def _beside(sheets: list[Tensor]) -> Tensor:
    """Sheets (C, H, W) side by side with a grey gap."""
    gap = torch.full((*sheets[0].shape[:2], GAP), 0.5)
    return torch.cat([sheets[0], gap, sheets[1]], dim=2)
