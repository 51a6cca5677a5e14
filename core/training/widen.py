"""Going on from a network of fewer channels: at first the wider one answers as that one does."""

from torch import Tensor, nn

from core.errors import ConfigError


def take_over(model: nn.Module, start: nn.Module) -> None:
    """Give `model` the weights of `start`, whose layers are the same, with as many channels or fewer.

    Channels that `start` lacks keep the weights that `model` has, and nothing that was there before reads them, so that
    both answer alike until training goes on (in the spirit of Net2Net, Chen et al. 2016, arXiv:1511.05641, Sec. 2.2,
    which splits channels instead).

    Raises:
        ConfigError: the layers are others, or `start` has more channels somewhere.
    """
    wide, narrow = model.state_dict(), start.state_dict()
    if wide.keys() != narrow.keys():
        raise ConfigError("training can go on from a network with the same layers only")
    model.load_state_dict({name: _widened(name, value, narrow[name]) for name, value in wide.items()})


def _widened(name: str, fresh: Tensor, old: Tensor) -> Tensor:
    """`old` in the corner of `fresh` of its first indices; the inputs beyond it are 0 for the outputs that it has."""
    if fresh.dim() != old.dim() or any(few > many for few, many in zip(old.shape, fresh.shape, strict=True)):
        raise ConfigError(
            f"training can't go on from a network whose {name} is {tuple(old.shape)}: here it is {tuple(fresh.shape)}"
        )
    found = fresh.clone()
    if old.dim() >= 2:
        found[: old.shape[0]] = 0
    found[tuple(slice(0, length) for length in old.shape)] = old
    return found
