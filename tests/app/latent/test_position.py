"""A position is resolved once: what is drawn from it asks neither the zoo nor the generators' folder again."""

from dataclasses import replace

import pytest
import torch

from app.latent import position, results
from app.latent.position import LatentPosition, resolve
from app.state import autoencoders
from core.data.tasks import task_named
from core.latent.directions import directions, picture_change, towards
from core.latent.ribbons import POSITIONS
from tests.helpers.synthetic.latent import write_autoencoders

TASK = task_named("fashion-mnist")
AT = (1.0, 0.0, -2.0, 0.0, 0.0, 0.5, 0.1, 0.5)


@pytest.fixture
def place(zoo, tmp_path, monkeypatch):
    monkeypatch.setenv("ROBUSTSCOPE_GENERATORS", str(write_autoencoders(tmp_path, (TASK.key,))))
    sha256 = autoencoders.autoencoder(TASK.key).card.sha256
    return LatentPosition(TASK.key, sha256, autoencoders.sample_code(TASK.key, 3), 2, 5, 1, 5, AT)


def test_every_row_of_a_resolved_position_is_made_without_resolving_it_again(place, monkeypatch):
    here = resolve(place, ["standard", "pgd-l2"])

    def no_more(*_: object) -> None:
        raise AssertionError("resolved again")

    monkeypatch.setattr(position.zoo, "model", no_more)
    monkeypatch.setattr(position, "autoencoder", no_more)
    monkeypatch.setattr(position, "_directions", no_more)
    rows = [
        results.row_at(here), results.row_at(here.at_rest()), results.slider_row(here, 2),
        results.neighbours_of(here, 0.5, 3, 1), results.relabelled_row(here),
    ]  # fmt: skip
    assert all(row.predicted.shape == (2, POSITIONS) for row in results.slider_ribbons(here))
    assert all(row.probs.shape[0] == 2 for row in rows)
    assert torch.equal(torch.tensor(rows[0].z), here.code) and not torch.equal(here.code, here.start)


def test_at_rest_the_code_is_the_one_that_all_sliders_start_from(place):
    here = resolve(place, ["standard"]).at_rest()
    torch.testing.assert_close(here.code, here.start)
    assert results.row_at(here).latent[0] == pytest.approx(0, abs=1e-5)


def test_where_a_slider_itself_stands_makes_no_difference_to_its_row_and_the_others_do(place):
    here = resolve(place, ["standard"])
    moved = here.at(*AT[:2], 3.0, *AT[3:])
    assert (results.slider_row(here, 2).x == results.slider_row(moved, 2).x).all()
    assert not (results.slider_row(here, 0).x == results.slider_row(moved, 0).x).all()


def test_ribbons_are_asked_for_where_they_can_have_changed_and_are_those_of_every_place(place, monkeypatch):
    """Of one network, then two; one slider moved; the class slider taken to rest, and then towards another class."""
    asked, made = [], results.ribbons.ribbons

    def counting(*told):
        asked.append(len(told[-1]))
        return made(*told)

    monkeypatch.setattr(results.ribbons, "ribbons", counting)
    place = replace(place, code=autoencoders.sample_code(TASK.key, 9))  # nobody has been there
    count, at = len(AT), (*AT[:5], 0.0, *AT[6:])
    views = [
        (replace(place, at=AT), ["standard"]), (replace(place, at=AT), ["standard", "pgd-l2"]),
        (replace(place, at=(3.0, *AT[1:])), ["pgd-l2", "standard"]), (replace(place, at=at), ["standard"]),
        (replace(place, at=at, way=6), ["standard"]), (replace(place, at=at, way=6), ["standard"]),
    ]  # fmt: skip
    for view, models in views:
        here = resolve(view, models)
        for which, strip in enumerate(results.slider_ribbons(here)):
            whole = results.slider_row(here, which)
            assert (strip.predicted == whole.predicted).all() and (strip.positions == whole.positions).all()
            assert abs(strip.x - whole.x[[0, -1]]).max() < 1e-5
    assert asked == [count, count, 2 * (count - 1), count - 1, 1]


def test_results_are_found_again_by_code_sliders_and_the_networks_weights(place):
    one, other = resolve(place, ["standard"]), resolve(place, ["pgd-l2"])
    assert one.cache_key == resolve(place, ["standard"]).cache_key != other.cache_key
    assert one.cache_key != one.at_rest().cache_key and one.models == ("standard",)


def test_how_the_picture_changes_is_measured_once_for_all_directions_of_a_code(place, monkeypatch):
    """It decodes twice as many codes as one has entries; another class or noise asks no more, and gives the same."""
    counted = []

    def counting(*told):
        counted.append(told)
        return picture_change(*told)

    monkeypatch.setattr(position, "picture_change", counting)
    place = replace(place, code=autoencoders.sample_code(TASK.key, 4))  # nobody has been there
    here, *_ = [resolve(replace(place, way=way, draw=draw), []) for way, draw in ((5, 1), (6, 1), (5, 2))]
    assert len(counted) == 1
    told = (here.decoder, here.start, here.labels)
    for found, alone in zip(here.directions, (*directions(*told, 5), *towards(*told, [5])), strict=False):
        assert found.key == alone.key and (found.v == alone.v).all() and found.change == alone.change
