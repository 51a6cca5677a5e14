"""Compare for a room: what each network sees, and what the attack makes of it."""

from collections.abc import Mapping, Sequence

from app.compare.choice import CompareChoice
from app.ui import map_png, presenter
from app.ui.data_urls import data_url, png_url
from app.ui.presenter import SIGNED, Face, Slide, answered, network
from core.data.tasks import Task
from core.explanations.attack_result import AttackResult
from core.explanations.prediction import Prediction


def slides(
    task: Task,
    looks: Sequence[Prediction],
    attacked: Sequence[AttackResult],
    form: CompareChoice,
    withheld: Mapping[str, str],
    radius: str,
) -> list[Slide]:
    """The page's two questions.

    Args:
        task: the task.
        looks: what each network sees.
        attacked: what the attack on each makes of the picture.
        form: how maps are drawn.
        withheld: by network why its answer to the picture is not shown.
        radius: how large a change may be, in words.
    """
    shared = map_png.scale(looks)
    seen = tuple(network(look.model, _look(task, look, shared, form, withheld)) for look in looks)
    factor = map_png.amplification([one.delta for one in attacked])
    changed = tuple(network(one.model, *presenter.attacked(task.class_names, one, factor)) for one in attacked)
    return [
        Slide("looks", "How do they see the picture?", seen, over="map", covered=True, legend=SIGNED),
        Slide("attack", f"Which answers survive {radius}?", changed, over=f"change × {factor}"),
    ]


def _look(task: Task, look: Prediction, shared: float, form: CompareChoice, withheld: Mapping[str, str]) -> Face:
    picture = data_url(look.x)
    if look.model in withheld:
        return Face(picture=picture, answer="no answer")
    if look.attributions is None:
        return answered(task.class_names, look.probs, picture=picture)
    drawn = map_png.drawn_map(look, shared if form.shared else map_png.scale([look]), form.over, form.opacity)
    return answered(task.class_names, look.probs, picture=picture, over=png_url(drawn))
