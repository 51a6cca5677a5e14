"""Adversarial: what each network would change in a picture to believe another class, and what that says of it."""

from app.adversarial import sections
from app.adversarial.choice import AdversarialChoice
from app.state.choice import Choice
from app.state.errors import guard
from app.ui import page, picture_picker
from app.ui.elements import Head


def draw(choice: Choice, head: Head) -> None:
    """Choose, run, show."""
    page.head(choice)
    with guard():
        shown = picture_picker.chosen_picture(head)
        sections.show_explanations(shown)
        sections.show_region(shown)
        sections.show_survival()
        sections.show_transfer(shown)
        sections.show_fooling(shown)
        sections.show_certificate(shown)


page.show_picture("What would each network change to believe another class?", draw, "adversarial", AdversarialChoice)
