"""The report of a picture as one HTML file that needs nothing else."""

import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from math import isfinite
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray

from app.picture_report.content import METHODS, PGD_STEPS, RHO, PictureReport
from app.picture_report.latent_view import SLIDERS
from app.picture_report.natural_view import nearest
from app.state.boxes import box_text
from app.state.choice import Choice
from app.state.epsilon_scale import NORM_TITLES
from app.state.judgements import ALPHA
from app.state.names import model_name
from app.state.windows import window_text
from app.ui import map_png
from app.ui.colours import model_colour
from app.ui.data_urls import data_url, png_url
from app.ui.elements import figures_in_words
from app.ui.slider_predictions import ClassColours, key_html, ribbon_html
from core.anomaly.catalogue import DETECTORS
from core.anomaly.stated_normal import stated_in
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.explanations.perturbed import PerturbedImage
from core.explanations.region import EDITS
from core.metrics.box import box_shares
from core.natural.quality import SEED as DRAWN

TEMPLATE = Path(__file__).with_name("document.html")
TOP = 5
LIBRARIES = ("streamlit", "torch", "torchvision", "numpy", "captum")


def html_file(report: PictureReport, made: datetime | None = None) -> bytes:
    """The file; `made` is when, now where it is not said."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    shown, task = report.shown, report.task
    words = {
        "shown": shown,
        "task": task,
        "truth": "" if shown.label is None else task.class_names[shown.label],
        "original": png_url(shown.original),
        "seen": data_url(shown.x[0]),
        "networks": [_network(report, row) for row in range(len(report.cards))],
        "methods": [_method(report, key) for key in METHODS],
        "detectors": _detectors(report),
        "normal": _normal(report),
        "calibrated": [model_name(key) for key in report.verdicts],
        "explanations": [_explained(report, row) for row in range(len(report.explanations))],
        "natural": _natural(report),
        "latent": _latent(report),
        "region": _region(report),
        "attack": _attack(report.choice),
        "alpha": ALPHA,
        "rho": RHO,
        "links": report.links,
        "made": (made or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC"),
        "code": report.code,
        "settings": json.dumps(settings(report), indent=1, sort_keys=True),
        "cards": [
            {"name": model_name(card.key), "card": card, "lines": figures_in_words(card)} for card in report.cards
        ],
    }
    return template.render(words).encode()


def settings(report: PictureReport) -> dict[str, Any]:
    """All that decides the report's numbers, as plain values."""
    return {
        "view": report.choice.to_query(),
        "picture": {
            "title": report.shown.title,
            "digest": report.shown.digest,
            "size": list(report.shown.size),
            "window": window_text(report.choice.window),  # the view's link leaves out that of a visitor's own picture
        },
        "networks": {card.key: card.sha256 for card in report.cards},
        "attack": report.attacks[0].settings,
        "verdicts": {key: dict(verdict.settings) for key, verdict in report.verdicts.items()},
        "saliency": next(iter(report.maps.values())).settings | {"methods": list(METHODS)},
        "explanations": report.explanations[0].settings if report.explanations else None,
        "natural": {"changes": [one.change.key for one in report.natural], "seed": DRAWN}
        | {"step": report.natural[0].smallest[0].step},
        "generator": report.latent.start.generator if report.latent else None,
        "region": _region_settings(report),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
    }


def _region_settings(report: PictureReport) -> dict[str, Any] | None:
    """The box, what it is filled from, and the attacks; an own picture's box is in no link."""
    if report.region is None:
        return None
    start, (held, *_) = report.region.start, report.region.held.values()
    filled = {"picture": start.fill_key, "digest": start.fill.digest}
    return {"box": box_text(start.box), "replaced_from": filled, "attack": held[0].settings}


def _attack(choice: Choice) -> str:
    return f"PGD with {PGD_STEPS} steps, {NORM_TITLES[choice.norm]}, {choice.dial.text(choice.strength)}"


def _network(report: PictureReport, row: int) -> dict[str, Any]:
    """One network's answer, gradient map, and what the attack made of it."""
    seen, attacked, names = report.predictions[row], report.attacks[row], report.task.class_names
    order = np.argsort(-seen.probs, kind="stable")[:TOP]
    factor = map_png.amplification([result.delta for result in report.attacks])
    return {
        "key": seen.model,
        "name": model_name(seen.model),
        "colour": model_colour(seen.model),
        "top": [(names[place], float(seen.probs[place])) for place in order],
        "map": png_url(map_png.signed_map(seen.heatmap, map_png.scale([seen]))),
        "strongest": map_png.scale([seen]),
        "after": names[attacked.after],
        "after_share": float(attacked.probs_adv[attacked.after]),
        "changed": attacked.before != attacked.after,
        "attacked": data_url(attacked.x_adv),
        "change": png_url(map_png.amplify(attacked.delta, factor)),
        "factor": factor,
        "rmse": attacked.rmse,
    }


def _method(report: PictureReport, key: str) -> dict[str, Any]:
    """One saliency method's maps of all networks, each on a scale of its own."""
    maps = [report.maps[card.key, key] for card in report.cards]
    method = ATTRIBUTION_METHODS[key]
    return {
        "title": method.title,
        "source": method.source,
        "maps": [_map(found.heatmap, found.problem, found.model) for found in maps],
    }


def _map(heatmap: NDArray[np.float32], problem: str, model: str) -> Mapping[str, Any]:
    strongest = map_png.strongest(heatmap)
    return {
        "url": "" if problem else png_url(map_png.signed_map(heatmap, strongest)),
        "problem": problem,
        "strongest": strongest,
        "name": model_name(model),
    }


def _detectors(report: PictureReport) -> list[dict[str, Any]]:
    """A row a detector: the share of normal pictures that look at least as odd to each network."""
    held = [key for key in DETECTORS if any(key in verdict.p_values for verdict in report.verdicts.values())]
    return [
        {
            "name": DETECTORS[key].name,
            "shares": [
                None if key not in verdict.p_values else float(verdict.p_values[key][0])
                for verdict in report.verdicts.values()
            ],
        }
        for key in held
    ]


def _normal(report: PictureReport) -> str:
    """What the normal pictures are, by network where somebody's own were taken."""
    own = {key: stated for key, one in report.verdicts.items() if (stated := stated_in(one.settings))}
    said = [f"To {model_name(key)} normal pictures are somebody's own: {one.words}." for key, one in own.items()]
    if len(own) < len(report.verdicts):
        others = "The others' normal pictures" if own else "Normal pictures"
        said.append(f"{others} are those of {report.task.title} that the calibration kept aside.")
    return " ".join(said)


def _natural(report: PictureReport) -> dict[str, Any]:
    """Each network's answers along each natural change, and the smallest that fools it; ribbons are whole HTML."""
    task, keys, names = report.task, [card.key for card in report.cards], report.task.class_names
    colours = ClassColours(task)
    rows = [
        {
            "title": one.change.title,
            "cells": [
                f"{one.change.words(each.amount)} → {names[each.answer]}" if each.found else "–"
                for each in one.smallest
            ],
            "ribbon": ribbon_html(task, one.row, keys, one.change.key, one.change.rest, colours),
        }
        for one in report.natural
    ]
    networks = []
    for number, key in enumerate(keys):
        least = nearest(report.natural, number)
        network: dict[str, Any] = {"name": model_name(key), "colour": model_colour(key)}
        if least is not None:
            change, found = least
            network |= {"url": data_url(found.x), "answer": names[found.answer], "change": change.title.lower()}
            network |= {"amount": change.words(found.amount), "way": found.share}
        networks.append(network)
    seen = {int(answer) for one in report.natural for answer in one.row.predicted.flat}
    return {"rows": rows, "networks": networks, "key": key_html(task, keys, colours, seen)}


def _region(report: PictureReport) -> dict[str, Any] | None:
    """How much of each map lies in the box, and the answers once it is gone, or alone attacked, or alone spared."""
    if report.region is None:
        return None
    box, (rows, columns) = report.region.start.box, report.task.shape[1:]
    ends = {
        "left": box.left / columns,
        "top": box.top / rows,
        "width": box.width / columns,
        "height": box.height / rows,
    }
    edits = [
        {
            "title": EDITS[key].title,
            "url": data_url(answers[0].x_adv),
            "answers": [_said(report, one) for one in answers],
        }
        for key, answers in report.region.edited.items()
    ]
    held = [
        {
            "name": model_name(pair[0].model),
            "colour": model_colour(pair[0].model),
            "parts": [_said(report, one) | {"url": data_url(one.x_adv), "where": one.part} for one in pair],
        }
        for pair in zip(*report.region.held.values(), strict=True)
    ]
    shares = [
        {"title": ATTRIBUTION_METHODS[key].title, "cells": [_share(report, card.key, key) for card in report.cards]}
        for key in METHODS
    ]
    said = {"box": box_text(box), "place": {name: f"{100 * share:.3f}" for name, share in ends.items()}}
    area = box.height * box.width / (rows * columns)
    fill = report.region.start.fill.title
    return said | {"area": area, "edits": edits, "held": held, "shares": shares, "fill": fill}


def _said(report: PictureReport, found: PerturbedImage) -> dict[str, Any]:
    """What one network answers to a changed picture."""
    return {
        "name": model_name(found.model),
        "answer": report.task.class_names[found.after],
        "share": float(found.probs_adv[found.after]),
        "changed": found.changed,
    }


def _share(report: PictureReport, model: str, method: str) -> float | None:
    """How much of a map lies in the box; None where there is no map, or it is empty."""
    found = report.maps[model, method]
    if report.region is None or found.problem:
        return None
    mass = box_shares(found.heatmap, report.region.start.box).mass
    return mass if isfinite(mass) else None


def _latent(report: PictureReport) -> dict[str, Any] | None:
    """What the generator draws of the picture, each network's answer to it, and its nearest turn along one slider."""
    found, names = report.latent, report.task.class_names
    if found is None:
        return None
    networks = []
    for card, probs, flip in zip(report.cards, found.row.probs[:, 0], found.flips, strict=True):
        answer = int(probs.argmax())
        turn = flip and {
            "slider": flip.slider + 1,
            "position": f"{flip.position:+.2f}".replace("-", "−"),
            "answer": names[flip.answer],
            "share": flip.share,
            "url": data_url(flip.x),
        }
        share, colour = float(probs[answer]), model_colour(card.key)
        networks.append(
            {"name": model_name(card.key), "colour": colour, "answer": names[answer], "share": share, "turn": turn}
        )
    start = found.start
    drawn = {"url": data_url(found.picture), "label": names[start.label], "distance": start.distance}
    return drawn | {"networks": networks, "sliders": SLIDERS}


def _explained(report: PictureReport, row: int) -> dict[str, Any]:
    """What one network would change to believe each class."""
    found, names = report.explanations[row], report.task.class_names
    return {
        "name": model_name(found.model),
        "classes": [
            {"name": names[k], "url": data_url(found.x_adv[k].clip(0, 1)), "share": float(found.probs_shown[k][k])}
            for k in range(len(names))
        ],
    }
