"""Reports measured by an engine: the same arrays and rows bit for bit, whoever measures a batch."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch

from core.batch.engine import ENGINES
from core.batch.local import LocalEngine
from core.batch.measuring import MeasureJob, SharedMeasuring
from core.data.datasets import LabelledImages
from core.errors import ConfigError
from core.models.asking import one_thread
from core.models.zoo import load_zoo_model
from core.reports.accuracy.report import AccuracySettings, accuracy_report
from core.reports.adversarial.report import AdversarialSettings, adversarial_report
from core.reports.answers.report import AnswersSettings, answers_report
from core.reports.catalogue import REPORTS, command_of
from core.reports.form.measuring import Measurer, Request
from core.reports.natural.report import NaturalSettings, natural_report
from core.reports.robustness.report import RobustnessMeasurer, RobustnessSettings, _stated
from tests.helpers.rows import figures


def shared(engine, models, data):
    networks = [part for model in models for part in (model, model.plain, model.fast)]
    return SharedMeasuring(engine, [*networks, data.pixels, data.labels])


def robust_arrays(request):
    """Of the report `robustness` what needs no library of others: three parts of its first network."""
    bench = RobustnessMeasurer(request, _stated(request.task, request.data, request.settings))
    parts = ("curve", "gradients", "quick", "examples")
    return {name: values for part in parts for name, values in bench._part(request.models[0], part, 20)[0].items()}


def of_report(make):
    def arrays(request):
        made = make(request)
        rows = figures(made.report.rows)
        timeless = [{name: value for name, value in row.items() if not name.endswith("_seconds")} for row in rows]
        return {"rows": timeless, **made.arrays}

    return arrays


MADE = {
    "accuracy": (lambda request: {"rows": figures(accuracy_report(request).rows)}, AccuracySettings(40, 30, 4, 1)),
    "adversarial": (of_report(adversarial_report), AdversarialSettings(20, 20, 4, 6, 4, 4)),
    "answers": (of_report(answers_report), AnswersSettings(20, 3)),
    "natural": (of_report(natural_report), NaturalSettings(20)),
    "robustness": (robust_arrays, RobustnessSettings(20, 20, 20, 20, 4, 1)),
}


def same(one, other):
    assert one.keys() == other.keys()
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name], err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_what_travels_to_a_worker_measures_what_is_measured_here(name, models, data, tmp_path, monkeypatch):
    monkeypatch.setattr(
        Measurer, "bounds", lambda bench, count: [(at, min(at + 7, count)) for at in range(0, count, 7)]
    )
    make, settings = MADE[name]
    with one_thread():
        here = make(Request(models, data, settings, tmp_path / "here"))
    taken = []
    at_once = shared(LocalEngine(1), models, data)

    def watched(what, measure, bounds):
        taken.append(what)
        return at_once(what, measure, bounds)

    monkeypatch.setattr(Measurer, "part", None)  # nothing is left to this process
    same(here, make(Request(models, data, settings, tmp_path / "there", at_once=watched)))
    assert taken and len(set(taken)) == len(taken)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "local",
        pytest.param("ray", marks=pytest.mark.skipif(find_spec("ray") is None, reason="requirements-extras.txt")),
    ],
)
def test_engines_measure_the_same_and_a_second_run_measures_nothing(name, models, data, tmp_path, ray_home):
    make, settings = MADE["natural"]
    with one_thread():
        here = make(Request(models, data, settings, tmp_path / "here"))
    with ENGINES[name](None, 2) as engine:
        request = Request(models, data, settings, tmp_path / "there", at_once=shared(engine, models, data))
        same(here, make(request))
    same(here, make(Request(models, data, settings, tmp_path / "there", at_once=lambda *asked: iter(()))))


def test_parts_of_shared_pictures_travel_by_their_place_and_networks_by_name(models, data):
    sizes = []

    class Recorder:
        processes = 1

        def answers(self, job, shards):
            for shard in shards:
                sizes.append(len(shard.measure))
                yield job.answer(shard)

    measure = Counted(data.first(30), models[0])
    ((ends, arrays, _),) = shared(Recorder(), models, data)("standard", measure, [(3, 8)])
    assert ends == (3, 8) and sizes[0] < 1500  # 30 pictures take 23,520 bytes
    assert torch.equal(torch.from_numpy(arrays["pixels"]), data.pixels[3:8])


class Counted:
    def __init__(self, data, model):
        self.data, self.model = data, model

    def __call__(self, start, stop):
        self.model.fast(self.data.images(start, stop))
        return {"pixels": self.data.pixels[start:stop].numpy()}


def test_a_worker_of_another_version_measures_nothing(models, data):
    made = shared(LocalEngine(1), models, data)
    made._job = MeasureJob(made._job.held, "0" * 64, "other")
    with pytest.raises(ConfigError, match="another version"):
        list(made("standard", Counted(data, models[0]), [(0, 2)]))


def test_reports_say_whether_they_can_be_shared():
    assert {name for name in REPORTS if not command_of(name).batches} == {"generator", "transfer"}


def test_a_network_of_another_library_is_measured_in_other_processes(tmp_path):
    """Its class is of timm, which a process imports when it takes the network up."""
    model = load_zoo_model("imagenet", "standard")
    pixels = torch.randint(
        0, 256, (2, *model.task.shape), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    data = LabelledImages(pixels, torch.tensor([3, 7]), "made here")
    settings = AccuracySettings(images=2, robust_images=1, steps=1, restarts=1)
    found = accuracy_report(Request([model], data, settings, at_once=shared(LocalEngine(2), [model], data)))
    assert figures(found.rows) == figures(accuracy_report(Request([model], data, settings)).rows)
