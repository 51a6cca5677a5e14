"""Show me: eight views that say what the dashboard is about, chosen by rules among what ships."""

from app.state import session
from app.tour import sections
from app.ui import page


def draw() -> None:
    """Show."""
    session.aside("tour")
    sections.show()


page.show("What is there to see?", draw)
