"""All saliency methods by name: those of `core.saliency`, and the adversarial explanation, which needs an attack."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from core.attacks.scheduled import explanation
from core.models.asking import check_classes
from core.progress import check
from core.saliency import catalogue
from core.saliency.method import AttributionRequest, Method

RHO = 0.1
"""RMSE of the change, in [0, 1] pixel units: that of the paper's pictures."""


def difference(ask: AttributionRequest, rho: float = RHO) -> Tensor:
    """Signed attributions (B, C, H, W), in [0, 1] pixel units: what the network adds to believe the class explained.

    Woods, Chen, Teuscher 2019, arXiv:1906.02896: the change that the scheduled attack finds when it encourages a class
    within an RMSE of about `rho`. Of a contrast it encourages the first class among the two alone, as if the network
    knew no others. Nothing is drawn. Where the network is sure of the class beyond the digits of float32 it gives no
    gradient, and the change is zero.

    Args:
        ask: what is explained; `on_progress` is told of each step.
        rho: RMSE of the change, in [0, 1] pixel units.

    Raises:
        ConfigError: rho < 0.
        StoppedError: `should_stop` said so.
    """
    attack = explanation(rho)
    pairs = ask.target.dim() == 2
    model = _Between(ask.model, ask.target) if pairs else ask.model
    labels = torch.zeros_like(ask.target[:, 0]) if pairs else ask.target
    done = 0

    def on_step(delta: Tensor, logits: Tensor) -> None:
        nonlocal done
        check(ask.should_stop)
        ask.on_progress(done, attack.steps)
        done += 1

    return attack(model, ask.x, labels, on_step=on_step).delta


class _Between(nn.Module):
    """A network that knows two classes of each image only: logits (B, 2) of the classes (B, 2) given."""

    def __init__(self, model: nn.Module, classes: Tensor) -> None:
        super().__init__()
        self.model = model
        self.classes = classes

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the two classes, in the order given."""
        logits: Tensor = self.model(x)
        check_classes(self.classes, logits.shape[1])
        return logits.gather(1, self.classes)


ADVERSARIAL = Method(
    "adversarial-explanation",
    "Adversarial explanation",
    "Woods, Chen, Teuscher 2019, arXiv:1906.02896",
    "attack",
    106,
    f"What an attack that argues for the class changes in the image, at an RMSE of {RHO:g}.",
    difference,
)

ATTRIBUTION_METHODS: Mapping[str, Method] = {**catalogue.SALIENCY_METHODS, ADVERSARIAL.key: ADVERSARIAL}
"""By the key used in files and URLs; menus are read from it."""
