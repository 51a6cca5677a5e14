"""What is made before the first visit is what that visit asks for, and none of it once the server stops."""

from threading import Event

from app.state import first_views, pictures, predictions
from core.data.tasks import task_named


def test_the_first_visit_finds_its_answers_made(zoo, fresh_caches, monkeypatch, tmp_path):
    choice = first_views.opening()
    assert choice is not None
    monkeypatch.setenv("ROBUSTSCOPE_CALIBRATION", str(tmp_path))  # that which ships is of other networks
    asked, predict = [], predictions.predict
    monkeypatch.setattr(predictions, "predict", lambda *given: asked.append(given[0].card.key) or predict(*given))
    stopped = Event()
    stopped.set()
    first_views.prepare(stopped)
    assert asked == []
    first_views.prepare(Event())
    assert asked == [*choice.models]
    found = predictions.predictions_of(task_named(choice.task), choice.models, pictures.chosen(choice))
    assert [one.model for one in found] == asked == [*choice.models]
