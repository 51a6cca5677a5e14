"""A view under load is opened again as its visitor left it; by the protocol alone, at the browser's server."""

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from benchmarks.load.actions import new_picture
from benchmarks.load.answers import differences, view_of
from benchmarks.load.visitor import Visitor
from tests.helpers.waiting import PATIENCE

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("with-what-ships"), pytest.mark.timeout(600)]


def test_a_view_of_ones_own_picture_is_opened_again_with_its_sliders_where_they_stood(with_what_ships):
    with ThreadPoolExecutor(1) as pool:  # the browser's own loop runs in this thread
        pool.submit(asyncio.run, moved_and_opened_again(with_what_ships)).result()


async def moved_and_opened_again(address: str) -> None:
    picture, visitor = new_picture(random.Random(5)), Visitor(address, "task=cifar10&models=trades", "latent")
    await visitor.open()
    await visitor.until(lambda: visitor.runs, PATIENCE)
    (uploader,) = visitor.find("picker.upload", "file_uploader")
    await visitor.bring(visitor.widgets[uploader], "new.png", picture)
    (slider,) = visitor.find("latent.d1", "slider")
    await visitor.use(visitor.widgets[slider], [1.0])
    await visitor.until(lambda: "moves=" in visitor.query and not visitor.busy, PATIENCE)
    view = view_of(visitor, picture)
    await visitor.close()
    assert not await differences(view, address, PATIENCE)
    assert await differences(replace(view, query=view.query.partition("&moves")[0]), address, PATIENCE)
