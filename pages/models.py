"""Models: how each network was trained, what that buys under attack, what it costs, and one's own."""

from app.models import results, sections
from app.models.choice import PerturbationChoice
from app.state import zoo
from app.state.choice import Choice
from app.state.errors import guard
from app.ui import controls, page


def draw(choice: Choice) -> None:
    """Choose, run, show."""
    page.head(choice, controls.task_panel, several=False)
    cards, report = list(zoo.cards_of(choice.task).values()), None
    sections.show_damaged(choice.task)
    with guard():
        report = results.robustness(choice.task)
    with guard():
        sections.show_standings(report, cards)
        sections.show_robustness(report, cards)
    sections.show_answers()
    sections.show_own()
    sections.show_published(choice.task)
    sections.show_perturbation()


page.show_choice("What does each way of training buy, and what does it cost?", draw, "models", PerturbationChoice)
