"""The catalogue of attacks: one entry is all that a new attack needs, and each does what its file's class does."""

import pytest
import torch

from core.anomaly.verdict import changes, is_attack, perturb
from core.attacks.attack import Attack, AttackRequest
from core.attacks.catalogue import ATTACKS, run_attack
from core.attacks.pgd import Pgd
from core.errors import ConfigError
from core.models.zoo import load_zoo_model
from core.norms import norm_of
from core.reports.transfer.report import made_against


@pytest.fixture
def model(zoo_folder):
    return load_zoo_model("fashion-mnist", "standard", zoo_folder)


@pytest.fixture
def darker(monkeypatch):
    """An attack of a stranger: every entry is lowered by epsilon."""
    attack = Attack("darker", "Darker", "nobody", lambda ask: (ask.x - ask.epsilon).clamp(0.0, 1.0))
    monkeypatch.setitem(ATTACKS, attack.key, attack)
    return attack


def test_a_new_attack_is_passed_on_and_pushes_a_picture_by_its_entry_alone(darker, model):
    x = torch.full((1, 1, 28, 28), 0.5)
    made = made_against(model.fast, x, torch.tensor([3]), "darker", 0.1)
    assert torch.equal(made, x - 0.1)
    assert is_attack("darker") and "darker" in changes()
    versions = perturb(model, x, "darker")
    assert versions[-1].mean() == pytest.approx(0.5 - 2 * model.task.radii["linf"])


@pytest.mark.parametrize("key", ATTACKS)
def test_each_stays_in_its_ball_and_at_nothing_changes_nothing(key, model):
    x = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    labels = model.fast(x).argmax(1)
    for epsilon in (0.0, 0.1):
        ask = AttackRequest(model.fast, x, labels, epsilon, 4, torch.Generator().manual_seed(1))
        x_adv = run_attack(key, ask)
        assert norm_of(x_adv - x, ATTACKS[key].norm).max() <= epsilon + 1e-6 and x_adv.min() >= 0 and x_adv.max() <= 1
        assert torch.equal(x_adv, x) == (epsilon == 0)


def test_pgd_starts_at_random_only_where_it_may_draw(model):
    x = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2])
    still = run_attack("pgd", AttackRequest(model.fast, x, labels, 0.1, 4))
    assert torch.equal(still, Pgd(0.1, steps=4, random_start=False)(model.fast, x, labels))
    drawn = run_attack("pgd", AttackRequest(model.fast, x, labels, 0.1, 4, torch.Generator().manual_seed(1)))
    assert torch.equal(drawn, Pgd(0.1, steps=4)(model.fast, x, labels, torch.Generator().manual_seed(1)))


def test_an_unknown_attack_is_named_with_those_that_there_are(model):
    with pytest.raises(ConfigError, match="fgsm, tgsm, iterated-tgsm, pgd, square, square-l2; got 'fast'"):
        run_attack("fast", AttackRequest(model.fast, torch.zeros(1, 1, 28, 28), torch.tensor([0]), 0.1))
