"""Anomaly: does a picture look normal to each network, by how far its weights would have to move to believe it."""

from app.anomaly import sections, verdicts
from app.anomaly.choice import AnomalyChoice
from app.state import session
from app.state.choice import Choice
from app.ui import page

VIEWS = {"one": sections.one_picture, "many": sections.many_pictures, "measured": sections.whole_sets}


def draw(choice: Choice) -> None:
    """Choose, run, show."""
    page.head(choice)
    verdicts.view_picker()
    view = session.page_choice(AnomalyChoice).view
    VIEWS[view](session.now())


page.show_choice("Which pictures are odd to a network?", draw, "anomaly", AnomalyChoice)
