"""Saliency: the maps of many methods for several networks side by side, and measures that say which to trust."""

from app.saliency import grid_page, sections
from app.saliency.choice import SaliencyChoice
from app.state.choice import Choice
from app.state.errors import guard
from app.ui import controls, page, picture_picker
from app.ui.elements import Head
from core.data.tasks import task_named


def panel() -> None:
    """Task, networks and the form of the grid."""
    controls.model_panel()
    grid_page.form_picker()


def draw(choice: Choice, head: Head) -> None:
    """Choose, run, show."""
    task = task_named(choice.task)
    page.head(choice, panel)
    with guard():
        shown = picture_picker.chosen_picture(head)
        sections.show(task, shown)


page.show_picture("Which pixels matter to each network, and which map can you trust?", draw, "saliency", SaliencyChoice)
