"""Where the server computes: networks go there once, and a full memory ends in smaller passes, or on the CPU."""

import numpy as np
import pytest
import streamlit
import torch

from app.state import device, predictions
from app.state import zoo as networks
from app.state.pictures import model_input
from app.state.result_cache import cached_result
from app.state.tasks import Lane, TaskPool
from core.data.tasks import task_named
from core.devices import CPU, images_a_pass
from tests.helpers.other_device import OTHER, other_device
from tests.helpers.waiting import until

TASK = task_named("cifar10")


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, fresh_caches):
    """The server computes on the other device, and nothing was told yet."""
    with other_device():
        monkeypatch.setattr(device, "_chosen", lambda name: OTHER)
        yield
    streamlit.cache_data.clear()  # networks that are there, and what was told
    streamlit.cache_resource.clear()


def crowded():
    """Work that is too much for the device, however small its passes are."""
    images_a_pass(2)
    if device.device() != CPU:
        raise torch.OutOfMemoryError("CUDA out of memory.")
    return np.ones(3)


def test_networks_go_there_once_and_results_come_back(zoo):
    shown = model_input("cifar10", "photo:chelsea", "crop", False)
    (there,) = predictions.predictions_of(TASK, ["standard"], shown)
    loaded = networks.model("cifar10", "standard")
    assert loaded.device == OTHER and networks.model("cifar10", "standard") is loaded
    assert isinstance(there.probs, np.ndarray) and isinstance(there.attributions, np.ndarray)
    here = device.bounded(lambda: networks.model("cifar10", "standard"))
    assert here is loaded and device.placed(here) is here
    assert device.picture(shown.x).device == OTHER and device.in_words() == "Computed on the GPU (lazy)."


def test_a_result_that_does_not_fit_is_made_on_the_cpu_with_its_network(zoo):
    @cached_result
    def made(key: str) -> np.ndarray:
        found = networks.model("cifar10", key)
        assert found.device == device.device() and device.placed(torch.zeros(2)).device == found.device
        return crowded()

    assert made("standard").sum() == 3
    assert "done on the CPU" in device.in_words()
    assert networks.model("cifar10", "standard").device == OTHER  # the next work is back there


def test_work_beside_the_page_falls_back_too():
    pool = TaskPool()
    task = pool.start(Lane("ann", "tab", "work"), "key", lambda on_progress, should_stop: crowded())
    until(lambda: not task.active, "the work")
    assert task.state == "done" and "full; the work was done on the CPU" in device.in_words()
