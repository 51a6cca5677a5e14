"""Softened logits: a network that is never certain, so that cross-entropy keeps a gradient to follow."""

from torch import Tensor, nn

LEAD = 10.0
"""The largest lead of a class over the next, in logits, that an attack on the softened network sees."""


class Softened(nn.Module):
    """A network whose answers are the same and which is never certain, so that cross-entropy keeps a gradient.

    Logits (B, K) of an image whose strongest class leads by more than `LEAD` are scaled down to that lead; the scale
    counts as fixed in gradients. A network whose lead is smaller is left as it is. Attacks on a distilled network
    otherwise stand still, and what they do not find is no robustness (Carlini, Wagner 2016, arXiv:1607.04311).

    Of fewer than e^10 classes, whether a label is likelier than chance stays the same, too.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K) of images (B, C, H, W)."""
        logits: Tensor = self.model(x).float()
        first, second = logits.detach().topk(2, dim=1).values.T
        return logits * (LEAD / (first - second)).clamp_max(1.0)[:, None]
