"""Find: the pictures of a gallery, or of a visitor's own, on which networks differ, err or are easily misled."""

from app.find import sections
from app.find.choice import FindChoice
from app.state.choice import Choice
from app.state.errors import guard
from app.ui import controls, page


def draw(choice: Choice) -> None:
    """Choose, run, show."""
    page.head(choice)
    with guard():
        sections.show(choice)
    controls.share()


page.show_choice("Which pictures are worth a look?", draw, "find", FindChoice)
