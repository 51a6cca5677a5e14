"""Anomaly: is a picture odd to each network, by how far its weights would have to move to believe it."""

from app.anomaly import sections
from app.anomaly.choice import AnomalyChoice
from app.state import session
from app.state.choice import Choice
from app.ui import page
from app.ui.elements import Head

VIEWS = {"one": sections.one_picture, "many": sections.many_pictures, "measured": sections.whole_sets}


def draw(choice: Choice, head: Head) -> None:
    """Choose, run, show."""
    page.head(choice)
    view = session.page_choice(AnomalyChoice).view
    VIEWS[view](head)


page.show_picture("Which pictures are odd to a network?", draw, "anomaly", AnomalyChoice)
