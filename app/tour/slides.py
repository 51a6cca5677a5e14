"""The views of the tour for a room: a slide a view, with its picture and its sentence."""

from collections.abc import Sequence

from app.state import pictures
from app.ui.colours import NEUTRAL
from app.ui.data_urls import png_url
from app.ui.presenter import Face, Panel, Slide
from core.data.tasks import task_named
from core.tour.rules import TITLES
from core.tour.view import View


def slides(views: Sequence[View]) -> list[Slide]:
    """The views in the order of the page."""
    return [Slide(view.key, TITLES[view.key], (_panel(view),), view.sentence) for view in views]


def _panel(view: View) -> Panel:
    """The view's picture under the name of its task, and the page that shows more of it."""
    picture = png_url(pictures.thumbnail(view.task, view.picture))
    return Panel(view.key, task_named(view.task).title, NEUTRAL, (Face(picture=picture),))
