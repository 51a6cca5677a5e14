"""What the natural changes give to take away: NPZ files with settings, and the smallest changes as CSV."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.latent.natural import results
from app.latent.natural.amounts import Amounts
from app.latent.natural.results import NaturalScene
from app.latent.natural.smallest import SmallestChanges
from app.ui.downloads import npz, table_csv
from core.natural.catalogue import changes_of
from core.natural.quality import SEED

COLUMNS = ("change", "unit", "model", "found", "amount", "kept", "share", "step", "answer at rest", "answer")


def explorer_npz(here: NaturalScene, amounts: Amounts) -> bytes:
    """The picture `x`, `x_changed` and `probs` (M, K) of it, and all ribbons.

    `positions__<change>` (P,) and `probs__<change>` (M, P, K) along each.
    """
    now = results.row_at(here, amounts)
    arrays: dict[str, NDArray[Any]] = {"x": here.picture.x[0], "x_changed": now.x[0], "probs": now.probs[:, 0]}
    for key, change in changes_of(here.task.shape[0]).items():
        row = results.slider_row(here, amounts, change)
        arrays |= {f"positions__{key}": row.positions, f"probs__{key}": row.probs}
    return npz(arrays, _settings(here) | {"amounts": dict(amounts)})


def smallest_csv(here: NaturalScene, found: SmallestChanges) -> bytes:
    """A line for each change and network; amount, share and answer are empty where nothing was found.

    Of several changes at once, `several`, the amount is all of theirs, and the share their length.
    """
    known, names = changes_of(here.task.shape[0]), here.task.class_names
    rows: list[tuple[object, ...]] = []
    for row in found.alone:
        for model, one in zip(here.models, row, strict=True):
            figures = (one.amount, one.kept, one.share) if one.found else ("", "", "")
            answers = (names[one.label], names[one.answer] if one.found else "")
            rows.append((one.change, known[one.change].unit.strip(), model, one.found, *figures, one.step, *answers))
    for model, several in zip(here.models, found.together, strict=True):
        if several is not None:
            made = ", ".join(f"{key}:{amount:.6f}" for key, amount in several.amounts.items())
            answers = (names[several.label], names[several.answer] if several.found else "")
            size = several.size if several.found else ""
            rows.append(("several", "", model, several.found, made, "", size, "", *answers))
    return table_csv(COLUMNS, rows)


def smallest_npz(here: NaturalScene, found: SmallestChanges) -> bytes:
    """The picture `x`, and for each change `x_<change>` (M, C, H, W) and `amount_<change>` (M,), NaN where none is.

    Of several changes at once `x_several` (M, C, H, W), `several` (M, D), their amounts in the order of the setting
    `changes`, and `size_several` (M,); NaN where there are none.
    """
    x, known = here.picture.x[0], changes_of(here.task.shape[0])
    arrays: dict[str, NDArray[Any]] = {"x": x}
    for row in found.alone:
        key = row[0].change
        arrays[f"x_{key}"] = np.stack([one.x for one in row])
        arrays[f"amount_{key}"] = np.array([one.amount if one.found else np.nan for one in row])
    rest = [change.rest for change in known.values()]
    made = [one if one is not None and one.found else None for one in found.together]
    arrays["x_several"] = np.stack([one.x if one else np.full_like(x, np.nan) for one in made])
    arrays["several"] = np.array(
        [
            [one.amounts.get(key, change.rest) for key, change in known.items()] if one else [np.nan] * len(rest)
            for one in made
        ]
    )
    arrays["size_several"] = np.array([one.size if one else np.nan for one in made])
    return npz(arrays, _settings(here) | {"step": found.alone[0][0].step, "changes": list(known)})


def _settings(here: NaturalScene) -> dict[str, Any]:
    return {"task": here.task.key, "models": list(here.models), "networks": dict(here.networks), "seed": SEED}
