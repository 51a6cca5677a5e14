"""Networks that end in a linear layer on the mean of their last feature map, and what can be asked of them by name.

Grad-CAM in closed form, distances between features, and scores from the last layer need such a network. What works on
any network asks for nothing of this.
"""

from abc import abstractmethod

from torch import Tensor, nn

from core.errors import ConfigError


class PooledClassifier(nn.Module):
    """Images (B, C, H, W) in [0, 1] to logits (B, K), with names for what lies between.

    Logits are `last_layer(features(x).mean((2, 3)))` and `features(x)` is `last_features(stage_maps(x)[-1])`.
    """

    @property
    @abstractmethod
    def widths(self) -> tuple[int, ...]:
        """The channels of each entry of `stage_maps`."""

    @property
    @abstractmethod
    def last_layer(self) -> nn.Linear:
        """The layer that gives the logits."""

    @abstractmethod
    def stage_maps(self, x: Tensor) -> list[Tensor]:
        """The map (B, width, h, w) that each stage hands on, for images `x`."""

    @abstractmethod
    def last_features(self, last: Tensor) -> Tensor:
        """The features (B, width, h, w) that belong to the map of the last stage."""

    def features(self, x: Tensor) -> Tensor:
        """The activated features (B, width, h, w) that the pooled last layer reads."""
        return self.last_features(self.stage_maps(x)[-1])

    def logits_of(self, last: Tensor) -> Tensor:
        """The logits (B, K) that belong to the map of the last stage (B, width, h, w)."""
        logits: Tensor = self.last_layer(self.last_features(last).mean((2, 3)))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K) of images (B, C, H, W) in [0, 1]."""
        return self.logits_of(self.stage_maps(x)[-1])


def as_pooled(model: nn.Module) -> PooledClassifier:
    """The network, if it ends in a linear layer on the mean of its features.

    Raises:
        ConfigError: it ends otherwise, or does not name its features.
    """
    if not isinstance(model, PooledClassifier):
        raise ConfigError("this needs a network that ends in a linear layer on the mean of its last feature map")
    return model
