"""The direction of weight gradients: how far an image's lies from the mean gradient of normal images."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from core.anomaly.confounding import ConfoundingLabel
from core.anomaly.gradients import CHUNK, Groups, WeightGradients, frozen_copy
from core.devices import finest_type
from core.errors import InputError
from core.models.asking import at_once


def mean_gradients(
    model: nn.Module,
    x: Tensor,
    probe: ConfoundingLabel,
    groups: Groups | None = None,
    by_class: bool = False,
    chunk: int = CHUNK,
) -> dict[str, Tensor]:
    """The mean over normal images of the gradient on each parameter tensor: (1, ...), or (K, ...) with `by_class`.

    In classes that are never predicted the mean is zero. No image's own gradient is formed: one pass back gives the
    sum over a chunk.

    Args:
        model: images (B, C, H, W) to logits (B, K); the network as trained.
        x: normal images (N, C, H, W), float in [0, 1].
        probe: the label and the loss.
        groups: which parameters; None takes `Groups()`.
        by_class: one mean for each predicted class.
        chunk: images in memory at once.

    Raises:
        InputError: no images.
    """
    if len(x) == 0:
        raise InputError("a mean gradient needs at least one image")
    copy = frozen_copy(model)
    with torch.no_grad():
        logits = torch.cat([copy(part) for part in x.split(at_once(x, chunk))])
    classes = logits.shape[1] if by_class else 1
    predicted = logits.argmax(1) if by_class else torch.zeros(len(x), dtype=torch.int64, device=x.device)
    parameters = dict(copy.named_parameters())
    asked = {name: parameters[name].detach().requires_grad_() for name in (groups or Groups()).names(model)}
    finest = finest_type(x)
    means = {name: values.new_zeros(classes, *values.shape, dtype=finest) for name, values in asked.items()}
    for index in predicted.unique().tolist():
        chosen = x[predicted == index]
        for part in chosen.split(at_once(x, chunk)):
            with torch.enable_grad():
                loss = probe.loss(functional_call(copy, asked, (part,), tie_weights=True)).sum()
                grads = torch.autograd.grad(loss, list(asked.values()), allow_unused=True)
            for mean, grad in zip(means.values(), grads, strict=True):
                if grad is not None:
                    mean[index] += grad.to(finest) / len(chosen)
    return {name: mean.to(asked[name].dtype) for name, mean in means.items()}


def misalignment(found: WeightGradients, directions: Mapping[str, Tensor]) -> Tensor:
    """`1 - cos` of each image's gradient with its direction, for each parameter tensor (B, L), within [0, 2].

    The lesson of GradCon (Kwon et al., ECCV 2020) carried over to a classifier; our design. Where an image
    or a direction has no gradient at all, the cosine counts as 0. The score of an image is the mean over the tensors.

    Args:
        found: norms and dot products, of the same directions.
        directions: as `mean_gradients` gives them.

    Raises:
        InputError: the pass was made without directions.
    """
    if found.along is None:
        raise InputError("the pass was made without directions")
    predicted = found.logits.argmax(1)
    lengths = torch.stack([directions[name].flatten(1).norm(dim=1) for name in found.names], 1)  # (1 or K, L)
    lengths = lengths[predicted] if len(lengths) > 1 else lengths
    product = found.squared.sqrt() * lengths
    cosine = torch.where(product > 0, found.along / product, 0.0)
    return 1 - cosine.clamp(-1.0, 1.0)
