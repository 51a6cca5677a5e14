"""Compare: how several networks see one picture, and what a small attack does to each answer."""

from app.compare import sections
from app.compare.choice import CompareChoice
from app.state.choice import Choice
from app.state.errors import guard
from app.ui import page, picture_picker
from app.ui.elements import Head


def draw(choice: Choice, head: Head) -> None:
    """Choose, run, show."""
    page.head(choice)
    with guard():
        shown = picture_picker.chosen_picture(head)
        sections.show_looks(shown)
        sections.show_attack(shown)


page.show_picture("Do these networks see the same picture the same way?", draw, "compare", CompareChoice)
