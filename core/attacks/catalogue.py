"""The attacks that reports and pages offer by name."""

from collections.abc import Mapping

from torch import Tensor

from core.attacks.attack import Attack, AttackRequest
from core.attacks.fgsm import FGSM_ATTACK, TGSM_ATTACK
from core.attacks.pgd import ITERATED_TGSM_ATTACK, PGD_ATTACK
from core.attacks.square import SQUARE_ATTACK, SQUARE_L2_ATTACK
from core.errors import choice_of

_ATTACKS = (FGSM_ATTACK, TGSM_ATTACK, ITERATED_TGSM_ATTACK, PGD_ATTACK, SQUARE_ATTACK, SQUARE_L2_ATTACK)
ATTACKS: Mapping[str, Attack] = {attack.key: attack for attack in _ATTACKS}
"""By the key used in files and URLs; menus, titles and reports are read from it."""


def attack_named(key: str) -> Attack:
    """The attack with this key.

    Raises:
        ConfigError: there is none.
    """
    return ATTACKS[choice_of("attack", ATTACKS, key)]


def run_attack(key: str, request: AttackRequest) -> Tensor:
    """The attacked images (B, C, H, W); the images themselves where epsilon is 0.

    Raises:
        ConfigError: no such attack, or epsilon < 0.
    """
    attack = attack_named(key)
    if request.epsilon == 0:
        return request.x.detach().clone()
    return attack.run(request)
