"""Adversarial: what each network would change in a picture to believe another class, and what that says of it."""

from app.adversarial import sections
from app.adversarial.choice import AdversarialChoice
from app.state import session, zoo
from app.state.errors import guard
from app.ui import controls, elements, picture_picker
from core.data.tasks import task_named


def page(head: elements.Head) -> None:
    """Choose, run, show."""
    if not zoo.zoo_tasks():
        elements.no_zoo(zoo.zoo_folder())
        return
    choice = session.start("adversarial", AdversarialChoice)
    controls.model_panel()
    task = task_named(choice.task)
    elements.summary(task, choice.models)
    elements.notes(session.notes())
    with guard():
        shown = picture_picker.chosen_picture(head)
        sections.show_explanations(shown)
        sections.show_survival()
        sections.show_transfer(shown)
        sections.show_fooling(shown)


elements.style()
top = elements.head("What would each network change to believe another class?")
with guard():
    page(top)
