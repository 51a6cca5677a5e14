"""The search: exact where the answer is known, what its settings mean, and each code as if it were alone."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch

from core.errors import ConfigError, InputError
from core.latent.margin import margin, misclassified
from core.latent.noise import decayed, scaled_norm
from core.latent.search import BOUNDED, FAST, Search, _Walk, search
from core.latent.starts import random_starts, unit
from core.metrics.survival_curve import survival_curve
from core.norms import rmse
from tests.helpers.known_autoencoders import Curved, codes_and_classes, normal, planes

PLAIN = Search(restarts=12, bisection=False, objective="probability")
"""The search of the authors' code."""
SHORT = Search(restarts=3)
BOUNDED_SHORT = dataclasses.replace(BOUNDED, restarts=3)
"""With few runs, for what holds of each of them."""


def exact(decoder, net, z, labels, epsilon):
    """Scaled distances from the decayed codes to the nearest edge of a linear classifier of a linear decoder."""
    logits, weight = net(decoder.decode(decayed(z, epsilon), labels)), net[1].weight
    gap = logits.gather(1, labels[:, None]) - logits
    seen = (weight[labels][:, None] - weight) @ (decoder.weight * (1 + 0.1 * labels[:, None, None]))
    width = seen.norm(dim=2) * math.sqrt(decoder.latent)
    return torch.where(width > 0, gap / width, torch.inf).amin(1)


def problem(decoder, classes, count=150):
    """A linear classifier, codes, and the classes that it gives their decayed pictures."""
    net, z = planes(classes), normal(count, decoder.latent, seed=3)
    labels = net(decoder.decode(decayed(z, 1.0), torch.zeros(count, dtype=torch.int64))).argmax(1)
    right = net(decoder.decode(decayed(z, 1.0), labels)).argmax(1) == labels
    return net, z[right], labels[right]


def ratios(decoder, classes, settings):
    net, z, labels = problem(decoder, classes)
    made = search(decoder, net, z, labels, 1.0, settings)
    assert made.found.all() and not made.already_wrong.any()
    return torch.from_numpy(made.norm) / exact(decoder, net, z, labels, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["probability", "logit"])
def test_the_reference_search_comes_within_12_per_cent_of_the_closed_form(linear, objective):
    """Two classes: for every code. It does come that close from above, and not closer than bisection does."""
    ratio = ratios(linear, 2, dataclasses.replace(PLAIN, objective=objective))
    assert ratio.min() > 0.9999 and ratio.max() < 1.12
    assert (ratio > 1.02).float().mean() > 0.3


@pytest.mark.slow
def test_among_five_classes_nearly_every_code_comes_within_12_per_cent(linear):
    ratio = ratios(linear, 5, PLAIN)
    assert ratio.min() > 0.9999 and ratio.quantile(0.95) < 1.12


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("restarts", [1, 4, 12])
def test_the_default_is_within_two_per_cent_for_every_code(linear, classes, restarts):
    ratio = ratios(linear, classes, Search(restarts=restarts, start="centre" if restarts == 1 else "random"))
    assert ratio.min() > 0.9998 and ratio.max() < 1.02


def test_one_slow_walk_finds_most_minima_within_a_step(linear):
    """Its steps are 0.005 long, and with two classes they go straight."""
    net, z, labels = problem(linear, 2, 40)
    made = search(linear, net, z, labels, 1.0, FAST)
    expected = exact(linear, net, z, labels, 1.0).numpy()
    assert made.found.all() and (made.norm >= expected - 1e-5).all()
    assert np.median(made.norm - expected) < 0.006


def test_the_first_runs_of_a_search_find_the_last_of_its_points(linear):
    """One step of length rho leads from the centre to a boundary nearer than that: only the point after it is wrong."""
    net, z, labels = problem(linear, 2, 40)
    near = exact(linear, net, z, labels, 1.0) < 0.4
    one_step = Search(rho=0.45, steps=1, step=1.0, restarts=1, start="centre", bisection=False)
    made = search(linear, net, z[near], labels[near], 1.0, one_step)
    assert made.found.all() and made.norm == pytest.approx(0.45, rel=1e-5)


def test_no_steps_from_the_centre_return_the_decayed_code(curved, classifier):
    z, labels = codes_and_classes(curved, classifier, 20)
    made = search(curved, classifier, z, labels, 0.5, Search(steps=0, restarts=1, start="centre"))
    assert np.array_equal(made.z_adv, decayed(z, 0.5).numpy()) and not made.norm.any() and not made.l2.any()
    assert np.array_equal(made.found, made.already_wrong)
    assert 0 < made.already_wrong.sum() < 20


def test_restarts_never_make_the_minimum_larger(curved, classifier):
    z, labels = codes_and_classes(curved, classifier, 40)
    before = np.full(40, np.inf)
    for restarts in (1, 2, 3, 5):
        settings = Search(restarts=restarts, start="centre", bisection=False, steps=10)
        made = search(curved, classifier, z, labels, 1.0, settings)
        norm = np.where(made.found, made.norm, np.inf)
        assert (norm <= before + 1e-6).all()
        before = norm
    assert np.isfinite(before).sum() > 20


def test_a_further_run_of_a_search_never_makes_its_minimum_larger(curved, classifier):
    """From random starts, before the search is finished; one that is ended after some runs gives the best so far."""
    z, labels = codes_and_classes(curved, classifier, 40)
    settings = Search(restarts=4, bisection=False, steps=10)
    norms = []
    for runs in (1, 2, 3, 4):
        told = []
        made = search(
            curved,
            classifier,
            z,
            labels,
            1.0,
            settings,
            on_progress=lambda done, of, told=told: told.append(done),
            should_stop=lambda runs=runs, told=told: len(told) >= runs,
        )
        norms.append(np.where(made.found, made.norm, np.inf))
    assert all((after <= before + 1e-6).all() for before, after in itertools.pairwise(norms))
    assert (norms[-1] < norms[0] - 1e-3).sum() > 5


def test_random_starts_are_others_for_another_number_of_runs():
    z, labels = normal(3, 6, seed=0), torch.zeros(3, dtype=torch.int64)
    few, many = (random_starts(z, labels, runs, 0) for runs in (2, 3))
    assert not torch.isclose(few, many[:2]).any()


def test_what_was_found_is_wrong_and_has_the_size_it_says(curved, classifier):
    z, labels = codes_and_classes(curved, classifier, 40)
    made = search(curved, classifier, z, labels, 1.0, SHORT)
    z_adv, z_decayed = torch.from_numpy(made.z_adv), decayed(z, 1.0)
    x, x_adv = curved.decode(z_decayed, labels), curved.decode(z_adv, labels)
    assert 0 < made.already_wrong.sum() < 40 and made.found[~made.already_wrong].any()
    assert np.array_equal(made.found, (classifier(x_adv).argmax(1) != labels).numpy())
    np.testing.assert_allclose(made.norm, scaled_norm(z_adv - z_decayed), atol=1e-6)
    np.testing.assert_allclose(made.outward, scaled_norm(z_adv) - scaled_norm(z_decayed), atol=1e-6)
    np.testing.assert_allclose(made.l2, rmse(x_adv - x), atol=1e-6)
    np.testing.assert_allclose(made.l1, (x_adv - x).abs().mean((1, 2, 3)), atol=1e-6)
    np.testing.assert_allclose(made.x_adv, x_adv, atol=1e-6)
    np.testing.assert_allclose(made.x_decayed, x, atol=1e-6)
    assert (made.norm[made.already_wrong] == 0).all() and (made.norm <= 2.5 + 1e-5).all()
    assert made.settings["eps"] == 1.0 and made.settings["restarts"] == 3 and made.settings["seed"] == 0


@pytest.mark.slow
def test_an_edge_is_just_behind_the_right_pictures(curved, classifier):
    """A hundredth less of the way, and most are right again; all are, where edges are straight."""
    z, labels = codes_and_classes(curved, classifier, 60)
    made = search(curved, classifier, z, labels, 1.0, SHORT)
    moved = torch.from_numpy(made.found & ~made.already_wrong)
    back = torch.from_numpy(made.z_decayed + 0.99 * (made.z_adv - made.z_decayed))[moved]
    still = classifier(curved.decode(back, labels[moved])).argmax(1) != labels[moved]
    assert moved.sum() > 20 and still.float().mean() < 0.05
    plain = search(curved, classifier, z, labels, 1.0, dataclasses.replace(SHORT, bisection=False))
    assert (made.norm <= plain.norm + 1e-6).all() and made.norm[moved].mean() < 0.97 * plain.norm[moved].mean()


@pytest.mark.slow
def test_a_path_ends_at_the_code_found_and_crosses_once_at_its_end(curved, classifier):
    z, labels = codes_and_classes(curved, classifier, 30)
    for settings in (SHORT, dataclasses.replace(SHORT, bisection=False), BOUNDED_SHORT):
        made = search(curved, classifier, z, labels, 1.0, settings)
        ends = np.isfinite(made.path_margin).sum(1) - 1
        assert (ends > 1).any()
        for row, end in enumerate(ends):
            np.testing.assert_array_equal(made.path[row, end], made.z_adv[row])
            assert np.isnan(made.path[row, end + 1 :]).all() and np.isfinite(made.path[row, : end + 1]).all()
            assert (made.path_margin[row, end] > 0) == made.found[row]
            crossed = end - 1 if settings.bisection and made.found[row] else end
            assert (made.path_margin[row, :crossed] <= 0).all() or made.already_wrong[row]
            x = curved.decode(torch.from_numpy(made.path[row, : end + 1]), labels[row].expand(end + 1))
            lead = margin(classifier(x), labels[row].expand(end + 1), "logit")
            np.testing.assert_allclose(made.path_margin[row, : end + 1], lead, atol=1e-5)


@pytest.mark.slow
def test_a_code_does_not_care_for_its_neighbours(curved, classifier):
    """Alone, in another order, and beside others: the same to float rounding, which the turns of a search enlarge."""
    z, labels = codes_and_classes(curved, classifier, 12)
    for settings in (SHORT, BOUNDED_SHORT, dataclasses.replace(SHORT, objective="probability", bisection=False)):
        together = search(curved, classifier, z, labels, 1.0, settings, seed=3)
        order = torch.arange(11, -1, -1)
        turned = search(curved, classifier, z[order], labels[order], 1.0, settings, seed=3)
        np.testing.assert_allclose(together.z_adv, turned.z_adv[::-1], atol=1e-3)
        for row in range(0, 12, 3):
            alone = search(curved, classifier, z[row : row + 1], labels[row : row + 1], 1.0, settings, seed=3)
            np.testing.assert_allclose(together.z_adv[row], alone.z_adv[0], atol=1e-3)


def test_the_seed_decides_the_starts(curved, classifier):
    z, labels = codes_and_classes(curved, classifier, 12)
    one, same, other = (search(curved, classifier, z, labels, 1.0, BOUNDED_SHORT, seed) for seed in (0, 0, 1))
    assert np.array_equal(one.z_adv, same.z_adv) and not np.array_equal(one.z_adv, other.z_adv)


def test_random_starts_have_uniform_lengths_and_their_last_is_the_centre(curved, classifier):
    """Mean length 1/2 within five standard errors; the last of several runs begins at the decayed code."""
    starts = random_starts(normal(200, 6, seed=0), torch.zeros(200, dtype=torch.int64), 10, 0)
    lengths = scaled_norm(starts.view(-1, 6))
    assert abs(float(lengths.mean()) - 0.5) < 5 / math.sqrt(12 * 2000) and lengths.max() < 1
    assert abs(float((lengths < 0.1).float().mean()) - 0.1) < 5 * 0.3 / math.sqrt(2000)
    assert starts.view(-1, 6).mean(0).abs().max() < 5 * 0.6 / math.sqrt(2000)
    z, labels = codes_and_classes(curved, classifier, 30)
    settings = Search(rho=2.5, steps=0, restarts=2, bisection=False)
    made = search(curved, classifier, z, labels, 0.0, settings)
    far = made.norm > 0
    assert far.any() and made.found[far].any()  # from the first run, which is random
    only = search(curved, classifier, z, labels, 0.0, dataclasses.replace(settings, start="centre"))
    assert not only.norm.any()


def test_the_last_run_from_the_centre_finds_what_wide_steps_miss(linear):
    """With it the plain search of two runs comes closer than one random run, for nearly every code."""
    net, z, labels = problem(linear, 2)
    one, two = (search(linear, net, z, labels, 1.0, Search(restarts=runs, bisection=False)).norm for runs in (1, 2))
    assert (two <= one).all() and np.median(two / one) < 0.8


@pytest.mark.slow
def test_the_bounded_search_stays_within_its_bound_and_agrees_with_the_minimum(linear):
    """A code is fooled within rho if and only if its distance is at most rho; closeness of a step aside."""
    net, z, labels = problem(linear, 2)
    distance = exact(linear, net, z, labels, 1.0).numpy()
    made = search(linear, net, z, labels, 1.0, BOUNDED)
    assert (made.norm <= 0.3 + 1e-5).all()
    assert made.found[distance < 0.29].all() and not made.found[distance > 0.3001].any()
    assert made.found.sum() < len(z) - 10
    tight = dataclasses.replace(BOUNDED, rho=0.1)
    assert search(linear, net, z, labels, 1.0, tight).found.sum() < made.found.sum()


def test_accuracy_within_rho_never_rises_and_begins_at_decayed_accuracy(curved, classifier):
    z, labels = codes_and_classes(curved, classifier, 60)
    made = search(curved, classifier, z, labels, 1.0, SHORT)
    curve = survival_curve(np.where(made.found, made.norm, np.inf), np.linspace(0.05, 2.5, 20))
    right = classifier(curved.decode(decayed(z, 1.0), labels)).argmax(1) == labels
    assert curve.share[0] == pytest.approx(float(right.float().mean())) and 0 < curve.share[0] < 1
    assert (np.diff(curve.share) <= 0).all() and curve.share[-1] < curve.share[0]


class Flat(torch.nn.Module):
    """Answers class 0 with certainty whatever it sees: no gradient anywhere."""

    def forward(self, x):
        return torch.tensor([[200.0, 0.0, 0.0]]).expand(len(x), 3) + 0 * x.sum((1, 2, 3))[:, None]


@pytest.mark.parametrize("objective", ["probability", "logit"])
def test_without_a_gradient_nothing_is_found_and_nothing_is_nan(curved, objective):
    z, labels = normal(4, 6, seed=0), torch.zeros(4, dtype=torch.int64)
    made = search(curved, Flat(), z, labels, 1.0, dataclasses.replace(SHORT, objective=objective))
    assert not made.found.any() and np.isfinite(made.z_adv).all() and np.isfinite(made.norm).all()
    assert (made.norm > 0).all() and (made.norm < 2.5).all()  # the end of the first run, which stayed where it began


def test_confident_networks_are_walked_out_of_on_logits(linear):
    """A thousandfold logits: probabilities are exactly 0 and 1 and their gradient with them; that of logits is not."""
    net, z, labels = problem(linear, 2, 60)
    net[1].weight.mul_(1000.0)
    net[1].bias.mul_(1000.0)
    settings = Search(restarts=1, start="centre", objective="probability")
    stuck = search(linear, net, z, labels, 1.0, settings).found
    free = search(linear, net, z, labels, 1.0, dataclasses.replace(settings, objective="logit")).found
    assert free.all() and stuck.mean() < 0.2


def test_tiny_and_missing_gradients_have_a_direction_or_none():
    made = unit(torch.tensor([[3e-30, 4e-30], [0.0, 0.0], [torch.nan, 1.0], [3.0, 4.0]]))
    torch.testing.assert_close(made[0], made[3])
    assert scaled_norm(made).tolist() == pytest.approx([1, 0, 1, 1])


def test_a_search_can_be_ended_and_tells_how_far_it_is(curved, classifier):
    z, labels = codes_and_classes(curved, classifier, 10)
    told = []
    search(curved, classifier, z, labels, 1.0, SHORT, on_progress=lambda done, of: told.append((done, of)))
    assert told == [(run, 3) for run in range(1, 4)]
    none = search(curved, classifier, z, labels, 1.0, Search(), should_stop=lambda: True)
    assert np.array_equal(none.found, none.already_wrong) and not none.norm.any()
    asked = iter([False] * 60 + [True] * 1000)
    part = search(curved, classifier, z, labels, 1.0, Search(bisection=False), should_stop=lambda: next(asked))
    assert part.found.sum() > none.found.sum()


def test_impossible_requests_are_refused(curved, classifier):
    for change in ({"rho": 0.0}, {"steps": -1}, {"step": 0.0}, {"restarts": 0}, {"start": "x"}, {"objective": "x"}):
        with pytest.raises(ConfigError):
            Search(**change)
    z, labels = normal(2, 6, seed=0), torch.zeros(2, dtype=torch.int64)
    for codes, classes in ((z[:, :5], labels), (z, labels[:1]), (z[:0], labels[:0]), (z[0], labels)):
        with pytest.raises(InputError):
            search(curved, classifier, codes, classes, 1.0, Search())
    with pytest.raises(InputError):
        search(curved, lambda x: classifier(x) * torch.nan, z, labels, 1.0, Search())
    with pytest.raises(ConfigError):
        search(curved, classifier, z, labels, -1.0, Search())


def test_shared_networks_are_left_as_they_were(curved, classifier):
    z, labels = normal(2, 6, seed=0).requires_grad_(), torch.zeros(2, dtype=torch.int64)
    search(curved, classifier, z, labels, 1.0, Search())
    assert z.grad is None and not any(parameter.requires_grad for parameter in classifier.parameters())
    assert isinstance(curved, Curved) and curved.first.grad is None


@pytest.mark.slow
def test_the_size_before_bisection_is_that_of_a_search_without(curved, classifier):
    z, labels = codes_and_classes(curved, classifier, 30)
    whole, plain = (search(curved, classifier, z, labels, 1.0, Search(restarts=4, bisection=b)) for b in (True, False))
    np.testing.assert_allclose(whole.norm_plain, plain.norm, atol=1e-5)
    np.testing.assert_allclose(plain.norm_plain, plain.norm, atol=1e-6)
    assert (whole.norm < whole.norm_plain).mean() > 0.5


def test_what_rounding_lays_on_the_other_side_is_pushed_across_and_the_push_counts(linear):
    """Just short of the boundary it is found, a thousandth further out; well short of it, it is not found."""
    net, z, labels = problem(linear, 2, 40)
    walk = _Walk(linear, net, z, labels, 1.0, Search())
    made = search(linear, net, z, labels, 1.0, Search())
    whole = torch.from_numpy(made.z_adv - made.z_decayed)
    for share, push in ((0.9995, 1.001), (0.995, 1.01), (0.9, None)):
        walk.best, walk.norm = share * whole, scaled_norm(share * whole)
        found = walk.found({})
        if push is None:
            assert not found.found.any()
        else:
            assert found.found.mean() > 0.9  # bisection leaves some further behind the boundary than others
            np.testing.assert_allclose(found.norm, share * push * made.norm, rtol=1e-3)
            np.testing.assert_array_equal(found.path[:, 0], found.z_adv)


def test_a_lead_too_small_for_probabilities_still_is_one():
    logits, labels = torch.tensor([[0.0, 1e-9], [1e-9, 0.0], [0.0, 0.0]]), torch.zeros(3, dtype=torch.int64)
    assert (
        misclassified(logits, labels).tolist() == [True, False, False]
        and not margin(logits, labels, "probability").any()
    )
