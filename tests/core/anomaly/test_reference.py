"""Normal images under any label: what a screen ships is what is measured again, and slow versions agree."""

import numpy as np
import pytest
import torch

from core.anomaly.confounding import ConfoundingLabel
from core.anomaly.measurements import EVERY, MAIN, PROBES
from core.anomaly.reference import norms, of_norms, of_screen
from core.errors import ConfigError, InputError
from tests.helpers.pictures import columns


@pytest.fixture(scope="module")
def measured(network, calibration):
    return norms(network, calibration.images(), PROBES[MAIN])


@pytest.mark.parametrize(("every", "key"), [(True, "norms-all"), (False, "norms")])
def test_what_is_measured_again_is_what_the_screen_brings(network, screen, measured, every, key):
    shipped = of_screen(screen, every)
    again = of_norms(measured, PROBES[MAIN], shipped.chosen)
    some = norms(network, columns(20, 9).images(), PROBES[MAIN])
    np.testing.assert_allclose(again.score(some), shipped.score(some), rtol=1e-3)
    np.testing.assert_allclose(again.band, shipped.band, atol=1e-4)
    np.testing.assert_allclose(again.normals, shipped.normals, rtol=1e-3)
    of_all = screen.scores(screen.measure(network, columns(20, 9).images()))
    np.testing.assert_allclose(shipped.score(some), of_all[key], rtol=1e-3)
    np.testing.assert_array_equal(shipped.p_value(some), screen.p_values({key: shipped.score(some)})[key])
    assert shipped.chosen.sum() == shipped.band.shape[1] == len(shipped.detector.deviation)
    assert (shipped.chosen.all()) == every


def test_norms_under_another_label_are_those_of_plain_autograd(network):
    x, probe = columns(3, 4).images(), ConfoundingLabel("zeros", "softmax")
    told = []
    found = norms(network, x, probe, lambda done, of: told.append((done, of)))
    assert told == [(3, 3)]
    for index in range(3):
        parameters = dict(network.plain.named_parameters())
        with torch.enable_grad():
            asked = {name: value.detach().requires_grad_() for name, value in parameters.items()}
            loss = probe.loss(torch.func.functional_call(network.plain, asked, (x[index : index + 1],))).sum()
            grads = torch.autograd.grad(loss, [asked[name] for name in EVERY.names(network.plain)])
        expected = [float(grad.square().sum()) for grad in grads]
        np.testing.assert_allclose(found[index], expected, rtol=1e-4)


def test_half_of_a_hundred_normal_images_is_within_the_band_and_the_p_values_are_even(network, measured, screen):
    reference = of_norms(measured, PROBES[MAIN], of_screen(screen, True).chosen)
    values = reference.values(measured[75:])
    inside = ((values >= reference.band[0]) & (values <= reference.band[2])).mean(0)
    assert (np.abs(inside - 0.9) < 0.03).all()
    p_values = reference.p_value(measured[75:])
    assert np.sort(p_values)[0] < 0.05 and 0.4 < np.median(p_values) < 0.6


def test_the_nearest_are_those_that_a_slow_search_finds_and_an_image_is_nearest_to_itself(screen, measured):
    reference = of_screen(screen, False)
    assert reference.nearest(measured, measured[17], 1).tolist() == [17]
    found = reference.nearest(measured[:75], measured[80], 5)
    z = reference.values(measured) / reference.detector.deviation
    distances = [float((z[i] - z[80]) @ reference.detector.precision @ (z[i] - z[80])) for i in range(75)]
    assert found.tolist() == np.argsort(distances)[:5].tolist()


def test_what_is_impossible_is_refused(network, measured):
    with pytest.raises(ConfigError, match="number of classes"):
        norms(network, columns(1, 1).images(), ConfoundingLabel("m-hot", m=11))
    with pytest.raises(InputError, match="at least one"):
        norms(network, columns(1, 1).images()[:0], ConfoundingLabel())
    with pytest.raises(ConfigError):
        of_norms(measured[:1], ConfoundingLabel(), np.ones(measured.shape[1], bool))
