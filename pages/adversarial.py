"""Adversarial: what each network would change in a picture to believe another class, and what that says of it."""

from app.adversarial import sections
from app.adversarial.choice import AdversarialChoice
from app.state import session
from app.state.choice import Choice
from app.state.errors import guard
from app.ui import controls, page


def draw(choice: Choice) -> None:
    """Choose, run, show."""
    page.head(choice)
    with guard():
        shown = controls.chosen_picture()
        sections.show_explanations(shown)
        sections.show_survival(session.now())
        sections.show_transfer(shown)
        sections.show_fooling(shown)


page.show_choice("What would each network change to believe another class?", draw, "adversarial", AdversarialChoice)
