"""Anomaly: is a picture odd to each network, by how far its weights would have to move to believe it."""

from app.anomaly import sections
from app.anomaly.choice import AnomalyChoice
from app.state import session, zoo
from app.state.errors import guard
from app.ui import controls, elements
from core.data.tasks import task_named

VIEWS = {"one": sections.one_picture, "many": sections.many_pictures, "measured": sections.measured}


def page(head: elements.Head) -> None:
    """Choose, run, show."""
    if not zoo.zoo_tasks():
        elements.no_zoo(zoo.zoo_folder())
        return
    choice = session.start("anomaly", AnomalyChoice)
    controls.model_panel()
    elements.summary(task_named(choice.task), choice.models)
    elements.notes(session.notes())
    view = session.page_choice(AnomalyChoice).view
    VIEWS[view](head)


elements.style()
top = elements.head("Which pictures are odd to a network?")
with guard():
    page(top)
