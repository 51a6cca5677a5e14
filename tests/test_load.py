"""The load script's pieces, without a server: what it reads of a page, what it does next, and what it counts."""

import random
from types import SimpleNamespace

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.load import answers
from benchmarks.load.actions import new_picture, possible
from benchmarks.load.measured import Interaction, percentile, table
from benchmarks.load.visitor import Visitor, state_of

CAT = '<div class="a" data-answer="standard" data-class="cat"><span>cat</span></div>'
DOG = CAT.replace("cat", "dog")


def begun(run: str, *fragments: str) -> ForwardMsg:
    message = ForwardMsg()
    message.new_session.name = "app"
    message.metadata.run.script_run_id = run
    message.metadata.run.fragment_ids.extend(fragments)
    return message


def ended(how: int = ForwardMsg.FINISHED_SUCCESSFULLY) -> ForwardMsg:
    message = ForwardMsg()
    message.script_finished = how
    return message


def html(body: str, *place: int, fragment: str = "") -> ForwardMsg:
    message = ForwardMsg()
    message.metadata.delta_path.extend(place)
    message.delta.fragment_id = fragment
    message.delta.new_element.html.body = body
    return message


def slider(key: str, *options: str) -> ForwardMsg:
    message = ForwardMsg()
    drawn = message.delta.new_element.slider
    drawn.id, drawn.min, drawn.max, drawn.step = f"$$ID-0-{key}", 0, 8, 2
    drawn.default.append(0)
    drawn.options.extend(options)
    return message


def page(*messages: ForwardMsg) -> Visitor:
    visitor = Visitor("http://nowhere", page="compare")
    for message in messages:
        visitor._take(message)
    return visitor


def test_what_a_page_shows_is_what_its_latest_run_drew():
    """A run of a fragment takes away what it did not draw again, and leaves the rest of the page."""
    first = [begun("1"), html(CAT, 0, 0), html(DOG, 0, 1, fragment="f"), html("gone", 0, 2, fragment="f"), ended()]
    visitor = page(*first, begun("2", "f"), html(CAT, 0, 1, fragment="f"))
    visitor._take(ended(ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY))
    assert [text.body for text in visitor.shown.values()] == [CAT, CAT] and visitor.ends == {"f": 1}
    for message in (begun("3"), html(DOG, 0, 0), ended()):
        visitor._take(message)
    assert [text.body for text in visitor.shown.values()] == [DOG] and visitor.runs == 2


def test_a_page_is_busy_while_a_run_is_half_drawn():
    """What it shows then is neither the view before nor the one after it."""
    visitor = page(begun("1"), html(CAT, 0, 0), html(DOG, 0, 1), ended())
    assert not visitor.busy
    for message in (begun("2"), slider("number")):
        visitor._take(message)
    assert visitor.busy
    visitor._take(ended())
    assert not visitor.busy


def test_answers_are_elements_marks_and_their_words_whatever_the_order():
    one, other = answers.answers_of([CAT, DOG, CAT]), answers.answers_of([CAT, CAT + DOG])
    assert one == other and len(one) == 2 and answers.answers_of([CAT]) - answers.answers_of([DOG])
    assert not answers.answers_of(['<div class="plain">data-class="cat"</div>'])


def test_actions_are_light_or_heavy_by_what_they_use_and_values_are_ones_that_widgets_have():
    visitor = page(begun("1"), slider("compare.opacity"), slider("attack.strength.x"), slider("picker.fit"), ended())
    draw = random.Random(0)
    light, heavy = (possible(visitor, kind, draw, None) for kind in ("control", "heavy"))
    assert [each.name for each in (*light, *heavy)] == ["compare.opacity", "attack.strength.x"]


def test_a_widgets_state_is_what_a_browser_would_send():
    visitor = page(begun("1"), slider("number"), slider("named", "1 %", "5 %"), ended())
    number, named = visitor.widgets.values()
    assert [*state_of(number, [4.0]).double_array_value.data] == [4.0]
    assert [*state_of(named, ["5 %"]).string_array_value.data] == ["5 %"]
    assert state_of(SimpleNamespace(kind="button", id="b")).trigger_value


def test_new_pictures_differ_and_a_seed_makes_them_again():
    assert new_picture(random.Random(1)) == new_picture(random.Random(1)) != new_picture(random.Random(2))


def test_the_table_counts_each_page_and_kind():
    done = [Interaction("compare", "page", "x", seconds, 0.5, 2000, fault) for seconds, fault in ((1, ""), (3, "no"))]
    (line,) = table(done).splitlines()[1:]
    assert line.split() == ["compare", "page", "2", "2.00", "3.00", "0.500", "2", "1"]
    assert percentile([*range(100)], 0.95) == 95
