"""Compare: how several networks see one picture, and what a small attack does to each answer."""

from app.compare import sections
from app.compare.choice import CompareChoice
from app.state import session, zoo
from app.state.errors import guard
from app.ui import controls, elements, picture_picker
from core.data.tasks import task_named


def page(head: elements.Head) -> None:
    """Choose, run, show."""
    if not zoo.zoo_tasks():
        elements.no_zoo(zoo.zoo_folder())
        return
    choice = session.start("compare", CompareChoice)
    controls.model_panel()
    elements.summary(task_named(choice.task), choice.models)
    elements.notes(session.notes())
    with guard():
        shown = picture_picker.chosen_picture(head)
        sections.show_looks(shown)
        sections.show_attack(shown)


elements.style()
top = elements.head("Do these networks see the same picture the same way?")
with guard():
    page(top)
