"""Adversarial training at a radius of each image's own, which follows what the network can just bear there."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from core.attacks.pgd import Pgd
from core.errors import ConfigError
from core.models.fast import fast_form
from core.models.resnet import PreActResNet
from core.training.recipes import Batch, Recipe

RADII = "radii"  # one a training image, in a recipe's state


@dataclass(frozen=True, slots=True)
class MarginRadius(Recipe):
    """Cross-entropy on attacked images, each at a radius r of its own that grows and shrinks with its margin.

    After instance adaptive adversarial training (Balaji, Goldstein, Hoffman 2019, arXiv:1910.08051): each time an
    image is met, its r rises by `change` if the network is still right at r, and else falls by it. Departures:
    an image is attacked at r times a share drawn evenly from [`least_share`, 1], as a fixed r leaves smaller radii
    unlearned; the attack's change, stretched to r, is what the verdict is on, so that no second attack is needed; and
    images whose r has fallen below `clean_below` are learned as they are, as in max-margin training (Ding et al. 2020,
    arXiv:1812.02637), where images that are wrong without an attack keep their clean loss. The attack and the verdict
    run as in `AdversarialTraining`; the radii go into the checkpoint.

    Attributes:
        attack: the attack at the largest radius that r may reach; at a share of it, its steps are as much shorter.
        first: every r at first, in the unit of the attack's radius, as are the following.
        change: what r rises or falls by.
        least: the smallest r.
        clean_below: an image whose r is smaller is not attacked.
        least_share: the smallest share of r that an image is attacked at; above 0.
        start: zoo key of the network that training goes on from, whose activation may be another; None starts from
            fresh weights.

    Raises:
        ConfigError: a value out of range, or a targeted attack.
    """

    attack: Pgd
    first: float = 1.0
    change: float = 0.1
    least: float = 0.1
    clean_below: float = 0.25
    least_share: float = 0.7
    start: str | None = None

    def __post_init__(self) -> None:
        largest = self.attack.epsilon
        if not 0 < self.least <= self.first <= largest:
            raise ConfigError(
                f"need 0 < least <= first <= the attack's radius; got {self.least}, {self.first}, {largest}"
            )
        if not 0 < self.change <= largest or self.clean_below < 0 or not 0 < self.least_share <= 1:
            raise ConfigError(
                f"need change in (0, {largest:g}], clean_below >= 0 and least_share in (0, 1]; "
                f"got {self.change}, {self.clean_below}, {self.least_share}"
            )
        if self.attack.targeted:
            raise ConfigError("adversarial training needs an attack that raises the loss; got a targeted one")

    @property
    def start_key(self) -> str | None:
        """The network that training goes on from."""
        return self.start

    def fresh_state(self, images: int) -> dict[str, Tensor]:
        """The radius of each image (N,), float."""
        return {RADII: torch.full((images,), self.first)}

    def describe(self) -> str:
        """The recipe in one line."""
        a = self.attack
        start = ", random start" if a.random_start else ""
        onwards = "" if self.start is None else f"; goes on from {self.start}"
        return (
            "adversarial training at radii that follow margins: min E[ max CE(f(x_i + delta), y_i) ], |delta| <= u r_i "
            f"in {a.norm}, u uniform in [{self.least_share:g}, 1]; r_i from {self.first:.4g}, {self.change:.4g} up an "
            f"epoch where f is right at r_i and down where not, within [{self.least:.4g}, {a.epsilon:.4g}], clean "
            f"below {self.clean_below:.4g}; {a.steps}-step PGD of step {a.step:.4g} at the largest r_i, shorter in "
            f"proportion{start}{onwards}"
        )

    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        """Mean cross-entropy of the attacked batch; moves the radii of its images in `batch.state`.

        Raises:
            ConfigError: the batch does not say which of the training images it holds.
        """
        if batch.indices is None:
            raise ConfigError("radii that follow margins need to know which image is which")
        x, radii = batch.x, batch.state[RADII][batch.indices]
        draw = torch.rand(len(x), generator=batch.generator, device=x.device)
        shares = self.least_share + (1 - self.least_share) * draw
        fast = fast_form(model)
        x_adv = self.attack(fast, x, batch.labels, batch.generator, shares * radii / self.attack.epsilon)
        with torch.no_grad():
            stretched = (x + (x_adv - x) / shares.view(-1, 1, 1, 1)).clamp(0.0, 1.0)
            right = fast(stretched).argmax(1) == batch.labels
        moved = radii + torch.where(right, self.change, -self.change)
        batch.state[RADII][batch.indices] = moved.clamp(self.least, self.attack.epsilon)
        clean = (radii < self.clean_below).view(-1, 1, 1, 1)
        return cross_entropy(model(torch.where(clean, x, x_adv)).float(), batch.labels)
