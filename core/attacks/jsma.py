"""The saliency map attack: the few entries that help a class most, changed in pairs."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.errors import ConfigError
from core.models.asking import CheckedNetwork, differentiating
from core.norms import precise, round_towards

CHUNK = 2**22
"""Pairs whose scores are held at once."""


@dataclass(frozen=True, slots=True)
class Jsma:
    """JSMA (Papernot et al. 2016, arXiv:1511.07528, Alg. 3), on logits, with pairs over all entries of the image.

    With `a_i = dz_t / dx_i` of the target's logit and `b_i = sum_{k != t} dz_k / dx_i`, each step adds `theta` to the
    two entries p, q with the largest `-(a_p + a_q)(b_p + b_q)` among those with `a_p + a_q > 0` and `b_p + b_q < 0`,
    both still short of the end of the range that they move to, and clips to [0, 1]. An image is left alone once it is
    classified as the target, once no such pair is left, or after `gamma D / 2` pairs. The defaults are those of
    cleverhans, which Ross, Doshi-Velez 2018, arXiv:1711.09404, use.

    Attributes:
        theta: what is added to an entry, in [0, 1] pixel units; a negative one takes light away (the signs of a and b
            turn with it).
        gamma: largest share of the entries that may be changed.

    Raises:
        ConfigError: theta is 0 or outside [-1, 1], or gamma outside [0, 1].
    """

    theta: float = 1.0
    gamma: float = 0.25

    def __post_init__(self) -> None:
        if not 0 < abs(self.theta) <= 1 or not 0 <= self.gamma <= 1:
            raise ConfigError(f"need theta in [-1, 1] but not 0, and gamma in [0, 1]; got {self}")

    @differentiating
    def __call__(self, model: nn.Module, x: Tensor, labels: Tensor) -> Tensor:
        """Images in [0, 1] that differ from `x` in at most `gamma D` entries.

        Args:
            model: as for `Pgd`.
            x: as for `Pgd`.
            labels: the classes aimed at (B,), int64; an image that is classified so already stays as it is.

        Raises:
            ConfigError: a label of no class.
            InputError: pixels, or answers, that are no numbers.
        """
        clean, model = x, CheckedNetwork(model, x, labels)
        x_adv = precise(x.detach()).clone()
        active = torch.arange(len(x), device=x.device)
        for _ in range(int(self.gamma * x[0].numel() / 2) if len(x) else 0):
            predicted, towards, others = _gradients(model, x_adv[active], labels[active])
            entries = x_adv[active].flatten(1)
            spent = entries >= 1 if self.theta > 0 else entries <= 0
            sign = 1.0 if self.theta > 0 else -1.0
            gain, loss = ((sign * each).masked_fill(spent, -torch.inf) for each in (towards, -others))
            pair, found = best_pairs(gain, loss)
            going = found & (predicted != labels[active])
            active, entries, pair = active[going], entries[going], pair[going]
            if len(active) == 0:
                break
            changed = (entries.gather(1, pair) + self.theta).clamp(0.0, 1.0)
            x_adv[active] = entries.scatter(1, pair, changed).view(-1, *x.shape[1:])
        return round_towards(x_adv, clean)


def best_pairs(gain: Tensor, loss: Tensor) -> tuple[Tensor, Tensor]:
    """The pair p != q with the largest `(gain_p + gain_q)(loss_p + loss_q)` where both sums are above 0, per row.

    The product rises with both sums, so an entry that two others equal or exceed in both gain and loss is not needed:
    whoever the partner is, one of these two does as well in its place. The search over what is left gives the largest
    product of the search over all D^2 pairs, in a fraction of its time; of equal products it may take another pair.

    Args:
        gain: (B, D); -inf keeps an entry out of every pair.
        loss: (B, D), likewise.

    Returns:
        The pair's entries (B, 2), int64, without meaning where there is none, and whether there is one (B,).
    """
    gain, order = gain.sort(dim=1, descending=True)
    loss = loss.gather(1, order)
    nothing = torch.full_like(loss[:, :1], -torch.inf)
    largest = torch.cat([nothing, loss.cummax(1).values[:, :-1]], 1)  # of the entries before, whose gain is no smaller
    second = torch.minimum(loss, largest).cummax(1).values
    needed = loss > torch.cat([nothing, second[:, :-1]], 1)
    count = max(1, int(needed.sum(1).max()))  # none where all are NaN
    rank = (~needed).long().argsort(dim=1, stable=True)[:, :count]  # the needed ones first, in order
    kept = needed.gather(1, rank)
    gain, loss = (each.gather(1, rank).masked_fill(~kept, -torch.inf) for each in (gain, loss))
    score, pair = _search(gain, loss)
    return order.gather(1, rank.gather(1, pair)), score > 0


def _search(gain: Tensor, loss: Tensor) -> tuple[Tensor, Tensor]:
    """The largest product (B,), 0 where there is no pair, and its pair (B, 2), over all pairs of (B, M) entries."""
    rows, count = gain.shape
    best, pair = gain.new_zeros(rows), torch.zeros(rows, 2, dtype=torch.int64, device=gain.device)
    chunk = max(1, CHUNK // max(1, rows * count))
    for start in range(0, count, chunk):
        gains = gain[:, start : start + chunk, None] + gain[:, None]
        losses = loss[:, start : start + chunk, None] + loss[:, None]
        score = torch.where((gains > 0) & (losses > 0), gains * losses, 0.0)
        score.diagonal(start, 1, 2).zero_()  # an entry is no pair with itself
        top, index = score.flatten(1).max(1)
        found = torch.stack([start + index // count, index % count], 1)
        pair = torch.where((top > best)[:, None], found, pair)
        best = torch.maximum(best, top)
    return best, pair


def _gradients(model: nn.Module, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Predictions (B,), and the gradients (B, D) of the target's logit and of the sum of the others."""
    x = x.detach().requires_grad_()
    logits = model(x)
    chosen = logits.gather(1, target[:, None]).sum()
    (towards,) = torch.autograd.grad(chosen, x, retain_graph=True)
    (others,) = torch.autograd.grad(logits.sum() - chosen, x)
    return logits.detach().argmax(1), towards.flatten(1), others.flatten(1)
