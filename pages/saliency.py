"""Saliency: the maps of many methods for several networks side by side, and measures that say which to trust."""

from app.saliency import grid_page, sections
from app.saliency.choice import SaliencyChoice
from app.state import pictures, session, zoo
from app.state.errors import guard
from app.ui import controls, elements, picture_picker
from core.data.tasks import task_named


def page(head: elements.Head) -> None:
    """Choose, run, show."""
    if not zoo.zoo_tasks():
        elements.no_zoo(zoo.zoo_folder())
        return
    choice = session.start("saliency", SaliencyChoice)
    task = task_named(choice.task)
    if session.page_choice(SaliencyChoice).view:
        with guard():
            sections.present(choice, task, pictures.model_input(choice.task, choice.image, choice.fit, choice.invert))
        return
    controls.model_panel()
    grid_page.form_picker()
    elements.summary(task, choice.models)
    elements.notes(session.notes())
    with guard():
        shown = picture_picker.chosen_picture(head)
        sections.show(task, shown)


elements.style()
top = elements.head("Which pixels matter to each network, and which map can you trust?")
with guard():
    page(top)
