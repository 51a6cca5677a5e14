"""The report of a picture for a room: answers, what an attack makes of them, what detectors say, and maps."""

from app.picture_report.content import METHODS, PictureReport
from app.state.judgements import ALPHA
from app.ui import map_png, presenter
from app.ui.data_urls import data_url, png_url
from app.ui.elements import percent
from app.ui.presenter import SIGNED, Bar, Face, Slide, answered, network
from core.anomaly.catalogue import DETECTORS
from core.anomaly.verdict import Verdict
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.saliency.grid import SaliencyMap


def slides(report: PictureReport) -> list[Slide]:
    """What the file holds, in its order."""
    names, factor = report.task.class_names, map_png.amplification([one.delta for one in report.attacks])
    seen = tuple(network(one.model, answered(names, one.probs, picture=data_url(one.x))) for one in report.predictions)
    attacked = tuple(network(one.model, *presenter.attacked(names, one, factor)) for one in report.attacks)
    kinds = dict.fromkeys(DETECTORS[key].kind for one in report.verdicts.values() for key in one.p_values)
    radius = report.choice.dial.text(report.choice.strength)
    return [
        Slide("answers", "What do they answer?", seen, report.shown.title),
        Slide("attack", f"Which answers survive {radius}?", attacked, over=f"change × {factor}"),
        *(_verdicts(report, kind) for kind in kinds),
        *(_maps(report, method) for method in METHODS),
    ]


_FLAGGED = f"How many normal pictures look at least as odd; flagged at {percent(ALPHA)} or less"


def _verdicts(report: PictureReport, kind: str) -> Slide:
    """What the detectors of a kind say of the picture, network by network."""
    judged = tuple(network(key, _verdict(one, kind)) for key, one in report.verdicts.items())
    return Slide(kind, "Is it odd?", judged, _FLAGGED)


def _verdict(one: Verdict, kind: str) -> Face:
    """The share of normal pictures that look at least as odd, by each detector of a kind; how many of all flag it."""
    shares = {key: float(values[0]) for key, values in one.p_values.items()}
    flags = sum(share <= ALPHA for share in shares.values())
    bars = tuple(
        Bar(DETECTORS[key].name, share, percent(share)) for key, share in shares.items() if DETECTORS[key].kind == kind
    )
    return Face(answer=f"{flags} of {len(shares)} detectors flag it", bars=bars)


def _maps(report: PictureReport, method: str) -> Slide:
    """One method's maps of all networks, each on a scale of its own, as in the file."""
    found = [report.maps[card.key, method] for card in report.cards]
    entry = ATTRIBUTION_METHODS[method]
    panels = tuple(network(one.model, _map(one)) for one in found)
    return Slide(method, entry.title, panels, entry.sentence, over="map", covered=True, legend=SIGNED)


def _map(one: SaliencyMap) -> Face:
    if one.problem:
        return Face(problem=one.problem)
    drawn = png_url(map_png.signed_map(one.heatmap, map_png.strongest(one.heatmap)))
    return Face(picture=data_url(one.x), over=drawn)
