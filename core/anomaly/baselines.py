"""What the gradient detectors are compared with: six known scores, as pytorch-ood (Apache-2.0) computes them."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.anomaly.library import detectors
from core.errors import ConfigError, InputError
from core.models.asking import at_once, check_pixels, differentiating
from core.models.head import head_of
from core.models.zoo import ZooModel

BASELINES: dict[str, str] = {
    "msp": "Maximum softmax probability, negated (Hendrycks, Gimpel 2017, arXiv:1610.02136)",
    "energy": "Energy of the logits, temperature 1 (Liu et al. 2020, arXiv:2010.03759)",
    "odin": "ODIN, temperature 1000, step 0.0014 in pixel units, not tuned (Liang et al. 2018, arXiv:1706.02690)",
    "mahalanobis": "Mahalanobis distance of pooled features to the nearest class (Lee et al. 2018, arXiv:1807.03888)",
    "vim": "Virtual logit of pooled features, half of the dimensions principal (Wang et al. 2022, arXiv:2203.10807)",
    "gradnorm": "L1 norm of the last layer's gradient towards the uniform label, negated (Huang et al. 2021, "
    "arXiv:2110.00218)",
}

_ODIN_TEMPERATURE, _ODIN_STEP = 1000.0, 0.0014  # of its authors for CIFAR-10, which had pixels in [0, 1] before scaling
_CHUNK = 256


@dataclass(frozen=True, slots=True, eq=False)
class Baselines:
    """What the two fitted baselines learned from training features; the other four need nothing. Build it with `fit`.

    Without labelled training images there are four: Mahalanobis needs the classes of images, ViM the training features
    that its principal space is of. `UNFITTED` is that, its arrays empty. Where the network does not end in a linear
    layer, GradNorm, which is defined on that layer, is left out, too.

    Attributes:
        means: of the features of each class (K, D), for Mahalanobis.
        precision: (D, D), of the features around their means, for Mahalanobis.
        residual: basis (D, D - d) of what lies outside of the principal space, for ViM.
        alpha: scale of ViM's virtual logit.
    """

    means: NDArray[np.float32]
    precision: NDArray[np.float32]
    residual: NDArray[np.float32]
    alpha: float

    @property
    def fitted(self) -> bool:
        """Whether Mahalanobis and ViM have what they need."""
        return self.means.size > 0

    def names(self, model: ZooModel) -> tuple[str, ...]:
        """Those of `BASELINES` that there are for a network."""
        left_out: tuple[str, ...] = () if self.fitted else ("mahalanobis", "vim")
        if not self.fitted and not has_head(model):
            left_out += ("gradnorm",)
        return tuple(name for name in BASELINES if name not in left_out)

    @differentiating
    def score(self, model: ZooModel, x: Tensor, chunk: int = _CHUNK) -> dict[str, NDArray[np.float64]]:
        """For each of `names` the score of every image (B,), higher is more anomalous.

        The network's fast form is used: its logits, input gradients, features and last layer are those of the plain
        one. Nothing is written to it.

        Args:
            model: the network that the baselines were fitted to.
            x: images (B, C, H, W), float in [0, 1]; left unchanged.
            chunk: images at once.

        Raises:
            InputError: no images, pixels that are not finite, or features of another size.
        """
        if len(x) == 0:
            raise InputError("baselines need at least one image")
        check_pixels(x)
        names = self.names(model)
        parts = [self._chunk(model, part, names) for part in x.detach().split(at_once(x, chunk))]
        return {name: np.concatenate([part[name] for part in parts]) for name in names}

    def _chunk(self, model: ZooModel, x: Tensor, names: tuple[str, ...]) -> dict[str, NDArray[np.float64]]:
        scores = {"odin": detectors().ODIN(model.fast, eps=_ODIN_STEP, temperature=_ODIN_TEMPERATURE).predict(x)}
        scores |= self._of_features(model, x) if "gradnorm" in names else _of_logits(model.fast(x).detach())
        return {name: scores[name].cpu().double().numpy() for name in names}

    def _of_features(self, model: ZooModel, x: Tensor) -> dict[str, Tensor]:
        found = pooled_features(model, x)
        # A copy: the library swaps parameters in and out of the module while it works.
        head = copy.deepcopy(head_of(model.fast, model.task.shape).linear)
        with torch.no_grad():
            scores = _of_logits(head(found))
        scores["gradnorm"] = detectors().GradNorm(head, lambda name: name == "weight").predict(found)
        return scores | (self._of_training(model, found) if self.fitted else {})

    def _of_training(self, model: ZooModel, found: Tensor) -> dict[str, Tensor]:
        found = found.cpu()  # a few numbers an image, whose statistics are there
        if found.shape[1] != self.means.shape[1]:
            raise InputError(f"the baselines know {self.means.shape[1]} features; the network has {found.shape[1]}")
        mahalanobis, vim = detectors().Mahalanobis(None), _vim(model)
        mahalanobis.mu, mahalanobis.precision = torch.from_numpy(self.means), torch.from_numpy(self.precision)
        vim.principal_subspace, vim.alpha = torch.from_numpy(self.residual), self.alpha
        return {"mahalanobis": mahalanobis.predict_features(found), "vim": vim.predict_features(found)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that it is made of, for an npz file."""
        return {
            "means": self.means,
            "precision": self.precision,
            "residual": self.residual,
            "alpha": np.array(self.alpha),
        }


_NOTHING = np.zeros((0, 0), np.float32)
UNFITTED = Baselines(_NOTHING, _NOTHING, _NOTHING, 0.0)


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Baselines:
    """The baselines that `Baselines.arrays` took apart.

    Raises:
        InputError: arrays are missing, or don't fit together.
    """
    try:
        means, precision, residual = (np.asarray(arrays[key], np.float32) for key in ("means", "precision", "residual"))
        alpha = float(arrays["alpha"])
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"these are no baselines: {error}") from error
    width = means.shape[-1]
    if means.ndim != 2 or precision.shape != (width, width) or residual.ndim != 2 or len(residual) != width:
        raise InputError("these are no baselines: the shapes of the arrays don't fit together")
    return Baselines(means, precision, residual, alpha)


def fit(model: ZooModel, x: Tensor, labels: Tensor, chunk: int = _CHUNK) -> Baselines:
    """Mahalanobis and ViM, fitted to the features of training images, as their papers do.

    Args:
        model: the network.
        x: training images (N, C, H, W), float in [0, 1].
        labels: their classes (N,), int64; every class must occur.
        chunk: images at once.

    Raises:
        InputError: a class is missing.
    """
    if labels.unique().tolist() != list(range(model.task.classes)):
        raise InputError("the baselines are fitted to training images of every class")
    found = pooled_features(model, x, chunk).cpu()
    mahalanobis = detectors().Mahalanobis(None).fit_features(found, labels.cpu())
    vim = _vim(model).fit_features(found, labels.cpu())
    assert vim.principal_subspace is not None and vim.alpha is not None
    return Baselines(
        mahalanobis.mu.numpy(), mahalanobis.precision.numpy(), vim.principal_subspace.numpy(), float(vim.alpha)
    )


def _of_logits(logits: Tensor) -> dict[str, Tensor]:
    library = detectors()
    return {
        "msp": library.MaxSoftmax(None).predict_logits(logits),
        "energy": library.EnergyBased(None).predict_logits(logits),
    }


def has_head(model: ZooModel) -> bool:
    """Whether a network ends in a linear layer on one vector of features."""
    try:
        head_of(model.fast, model.task.shape)
    except ConfigError:
        return False
    return True


def pooled_features(model: ZooModel, x: Tensor, chunk: int = _CHUNK) -> Tensor:
    """The pooled features (B, D) that the last layer reads; (B, 0) where the network does not end in a linear one."""
    if not has_head(model):
        return x.new_zeros(len(x), 0)
    features = head_of(model.fast, model.task.shape).features
    with torch.no_grad():
        return torch.cat([features(part) for part in x.split(at_once(x, chunk))])


def _vim(model: ZooModel) -> Any:
    head = head_of(model.fast, model.task.shape).linear
    return detectors().ViM(None, head.in_features // 2, head.weight.cpu(), head.bias.cpu())
