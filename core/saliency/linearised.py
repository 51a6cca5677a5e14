"""Linearised robustness: how far the decision boundary is, if the network were linear from here on."""

import torch
from torch import Tensor, nn

from core.models.asking import differentiating


@differentiating
def linearised_robustness(model: nn.Module, x: Tensor) -> Tensor:
    """The linearised distance (B,), L2 in pixel units, at least 0; infinite where no other class comes nearer.

    `min_j (f_i - f_j) / |grad f_i - grad f_j|` over the classes j besides the one predicted, i (Etmann et al. 2019,
    arXiv:1905.04172). K passes back.

    Args:
        model: images (B, C, H, W) to logits (B, K), in eval mode.
        x: images (B, C, H, W), float in [0, 1]; left unchanged.
    """
    x = x.detach().requires_grad_()
    logits = model(x)
    classes = logits.shape[1]
    slopes = torch.stack(
        [torch.autograd.grad(logits[:, k].sum(), x, retain_graph=k + 1 < classes)[0] for k in range(classes)], 1
    ).flatten(2)
    top = logits.detach().argmax(1)
    rows = torch.arange(len(x), device=x.device)
    gaps = (logits[rows, top][:, None] - logits).detach()
    lengths = (slopes[rows, top][:, None] - slopes).norm(dim=2)
    distances = torch.where(lengths > 0, gaps / torch.where(lengths > 0, lengths, 1.0), torch.inf)
    return distances.scatter(1, top[:, None], torch.inf).amin(1)
