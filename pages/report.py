"""Report: one self-contained HTML file of a picture over all pages."""

from app.picture_report import sections
from app.state.choice import Choice
from app.state.errors import guard
from app.ui import page, picture_picker
from app.ui.elements import Head


def draw(choice: Choice, head: Head) -> None:
    """Choose, run, show."""
    page.head(choice)
    with guard():
        sections.show(picture_picker.chosen_picture(head, pin=False))


page.show_picture("What did these networks make of this picture?", draw, "report")
