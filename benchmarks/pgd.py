"""PGD of ten steps on sixteen images: ours on the fast form, the peers on the plain one."""

import copy

from torch import Tensor
from torch.nn.functional import cross_entropy

from benchmarks.peers import PEERS, ours
from benchmarks.subjects import QUICK
from benchmarks.timing import OURS, WHOLE, differs, interleaved, print_table
from core.attacks.pgd import Pgd
from core.models.fast import fast_form
from core.models.step_precision import stepping
from core.models.zoo import ZooModel

ATTACKS = {
    "L-infinity": (Pgd(8 / 255, "linf", 10, random_start=False), 0.50),
    "L2": (Pgd(0.5, "l2", 10, random_start=False), 0.50),
}
CLOSE = 1e-4
SHARE_APART = 0.001
LOSS_APART = 0.01
IN_DOUBLE = ("torchattacks", "foolbox")  # ART computes in float32 only


def compare(model: ZooModel, x: Tensor, labels: Tensor, rounds: int) -> list[float]:
    """Check that all give the same images, then time them; the ratios to the best peer."""
    return [_compare(name, *ATTACKS[name], model, x, labels, rounds) for name in ATTACKS]


def _compare(name: str, attack: Pgd, aim: float, model: ZooModel, x: Tensor, labels: Tensor, rounds: int) -> float:
    print(f"\nPGD {name}, epsilon {attack.epsilon:.4g}, step {attack.step:.4g}: are the images the same?")
    apart = _in_double(attack, model, x, labels) + _after_one_step(attack, model, x, labels)
    apart += _in_loss(attack, model, x, labels)
    work = {OURS: ours(stepping(model.fast, QUICK), x, labels, attack), WHOLE: ours(model.fast, x, labels, attack)}
    work |= {peer: make(model.plain, x, labels, attack) for peer, make in PEERS.items()}
    title = f"PGD {name}, {attack.steps} steps, batch {len(x)}, steps of ours in {QUICK}, network {model.card.key}"
    return print_table(title, interleaved(work, rounds), aim, apart)


def _in_double(attack: Pgd, model: ZooModel, x: Tensor, labels: Tensor) -> list[str]:
    """Where whole runs differ in float64, in which rounding is too small to turn a step."""
    plain = copy.deepcopy(model.plain).double()
    mine = ours(fast_form(plain), x.double(), labels, attack)()
    apart = []
    for peer in IN_DOUBLE:
        theirs = PEERS[peer](plain, x.double(), labels, attack)()
        apart += _apart(f"{attack.steps} steps, float64, ours - {peer}", mine, theirs)
    return apart


def _after_one_step(attack: Pgd, model: ZooModel, x: Tensor, labels: Tensor) -> list[str]:
    """Where one step in float32 differs by more than pixels whose gradient is zero to rounding."""
    one = Pgd(attack.epsilon, attack.norm, 1, attack.step, random_start=False)
    mine = ours(model.fast, x, labels, one)()
    apart = []
    for peer, make in PEERS.items():
        apart += _apart(f"1 step, float32, ours - {peer}", mine, make(model.plain, x, labels, one)())
    return apart


def _in_loss(attack: Pgd, model: ZooModel, x: Tensor, labels: Tensor) -> list[str]:
    """Over ten steps in float32 paths may part where a step was a matter of rounding; the loss they reach may not."""

    def loss(x_adv: Tensor) -> float:
        return float(cross_entropy(model.plain(x_adv.float()), labels))

    found = []
    mine = ours(model.fast, x, labels, attack)()
    for peer, make in PEERS.items():
        theirs = make(model.plain, x, labels, attack)()
        apart = (mine - theirs).abs() > CLOSE
        print(
            f"  {attack.steps} steps, float32, loss ours {loss(mine):.4f}, {peer} {loss(theirs):.4f}; "
            f"{float(apart.float().mean()):.2%} of pixels further than {CLOSE} apart"
        )
        wrong = abs(loss(mine) - loss(theirs)) > LOSS_APART * max(1.0, loss(theirs))
        found += differs(wrong, f"{peer} reaches another loss than ours by more than {LOSS_APART:.0%}")
    low = ours(stepping(model.fast, QUICK), x, labels, attack)()
    print(f"  {attack.steps} steps, ours in {QUICK}, loss {loss(low):.4f}")
    wrong = abs(loss(low) - loss(mine)) > LOSS_APART * max(1.0, loss(mine))
    found += differs(wrong, f"steps in {QUICK} reach another loss by more than {LOSS_APART:.0%}")
    return found


def _apart(what: str, mine: Tensor, theirs: Tensor) -> list[str]:
    """Print how far two sets of images are apart; a sentence where that is more than rounding explains."""
    gap = (mine - theirs).abs()
    share = float((gap > CLOSE).float().mean())
    rest = float(gap[gap <= CLOSE].max())
    print(f"  {what}: {share:.3%} of pixels further than {CLOSE} apart, the others by {rest:.1g}")
    return differs(share > SHARE_APART, f"{what}: more than {SHARE_APART:.1%} of pixels differ")
