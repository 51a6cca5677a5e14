"""Natural changes: nothing changes at rest, what is known about each, and derivatives against finite differences."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from core.errors import ConfigError
from core.natural.catalogue import CHANGES, changed, changes_of

DIFFERENTIABLE = [key for key, change in CHANGES.items() if change.differentiable]


def photograph(side: int = 48, channels: int = 3, dtype: torch.dtype = torch.float32) -> Tensor:
    """A smooth picture (1, C, side, side), all of whose values are well inside of [0, 1]."""
    up, across = torch.meshgrid(*[torch.linspace(0, 3, side, dtype=dtype)] * 2, indexing="ij")
    waves = [0.5 + 0.15 * (across * (k + 1)).sin() + 0.1 * (up * (k + 2) + k).cos() for k in range(channels)]
    return torch.stack(waves)[None]


@pytest.mark.parametrize("key", CHANGES)
def test_at_rest_a_change_changes_nothing(key):
    """To 1e-6 even where it is computed; a JPEG file of quality 100 is off by some levels: rest stands for no file."""
    change, x = CHANGES[key], photograph()
    made = change.apply(x, torch.tensor([float(change.rest)]))
    assert_close(made, x, atol=0.04 if key == "jpeg" else 1e-6, rtol=0)
    assert torch.equal(change(x, change.rest), x)


@pytest.mark.parametrize("key", CHANGES)
@pytest.mark.parametrize("channels", [1, 3])
def test_both_ends_change_the_picture_and_leave_it_within_range_and_each_amount_is_its_own(key, channels):
    change, x = CHANGES[key], photograph(channels=channels)
    if key not in changes_of(channels):
        with pytest.raises(ConfigError, match="in colour"):
            change(x, change.high)
        return
    ends = [end for end in (change.low, change.high) if end != change.rest]
    together = change(x.expand(len(ends) + 1, -1, -1, -1), torch.tensor([*map(float, ends), float(change.rest)]))
    assert float(together.min()) >= 0 and float(together.max()) <= 1
    assert torch.equal(together[-1:], x)
    for made, end in zip(together, ends, strict=False):
        assert float((made - x[0]).abs().mean()) > 0.005
        assert_close(made[None], change(x, end), atol=1e-5, rtol=0)
    with pytest.raises(ConfigError, match="must lie between"):
        change(x, change.high + 1)


@pytest.mark.parametrize(
    ("key", "there", "back", "off"),
    [("rotation", 20, -20, 5e-3), ("scale", 2, 0.5, 5e-3), ("shift", 12.5, -12.5, 1e-5), ("raise", 12.5, -12.5, 1e-5),
     ("hue", 75, -75, 1e-5), ("brightness", 0.1, -0.1, 1e-6), ("contrast", 0.5, 2, 1e-5)],
)  # fmt: skip
def test_there_and_back_is_the_picture_in_its_middle(key, there, back, off):
    x = photograph()
    returned = CHANGES[key](CHANGES[key](x, there), back)
    assert_close(returned[..., 16:32, 16:32], x[..., 16:32, 16:32], atol=off, rtol=0)


def test_directions_are_as_they_are_called():
    """A light dot right of the middle goes up when turned counter-clockwise, and where the shifts say."""
    x = torch.zeros(1, 1, 41, 41)
    x[..., 20, 30] = 1
    for key, amount, row, column in (
        ("rotation", 90, 10, 20), ("scale", 2, 20, 40), ("shift", -100 / 4.1, 20, 20), ("raise", 100 / 4.1, 10, 30),
    ):  # fmt: skip
        made = CHANGES[key](x, amount)[0, 0]
        assert divmod(int(made.argmax()), 41) == (row, column), key
    square = torch.zeros(1, 1, 41, 41)
    square[..., 10:31, 10:31] = 1
    tall = CHANGES["perspective"](square, 30)[0, 0].sum(0)
    assert float(tall[12]) > float(tall[26]) + 2  # its left edge comes nearer


def test_what_enters_at_the_border_is_a_reflection():
    x = photograph(40)
    made = CHANGES["shift"](x, 25)
    assert_close(made[..., :10], x[..., 1:11].flip(-1), atol=1e-5, rtol=0)


def test_amounts_are_what_their_units_say():
    x = torch.full((1, 3, 64, 64), 0.25)
    covered = CHANGES["occlusion"](x, 50)
    assert float((covered == 0.5).float().mean()) == pytest.approx(0.25)
    noise = CHANGES["noise"](torch.full((1, 3, 64, 64), 0.5), 0.1) - 0.5
    assert float(noise.std()) == pytest.approx(0.1, rel=0.03)
    line = torch.zeros(1, 1, 101, 101)
    line[..., 50, 50] = 1
    spread = CHANGES["blur"](line, 2)[0, 0].sum(0)
    away = torch.arange(101) - 50.0
    assert float((spread * away**2).sum().sqrt()) == pytest.approx(2.02, rel=0.01)
    fog = CHANGES["fog"](torch.zeros(1, 3, 32, 32), 1)
    assert float(fog.max()) == pytest.approx(1, abs=1e-5) and float(fog.min()) == pytest.approx(0.6, abs=1e-5)


@pytest.mark.parametrize("key", DIFFERENTIABLE)
def test_a_derivative_by_the_amount_is_the_slope(key):
    """In double precision and away from the kinks of clamps and of the grid of pixels, as a mean over the picture."""
    change = CHANGES[key]
    x = photograph(24, dtype=torch.float64)
    weights = torch.rand(x.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    at = change.rest + 0.137 * (change.high - change.rest)

    def total(amount: Tensor) -> Tensor:
        return (change.apply(x, amount) * weights).sum()

    amount = torch.tensor([at], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(total(amount), amount)
    small = 1e-7 * (change.high - change.low)
    measured = (total(amount.detach() + small) - total(amount.detach() - small)) / (2 * small)
    assert float(slope) == pytest.approx(float(measured), rel=1e-3, abs=1e-6) and float(slope) != 0


def test_several_changes_are_made_one_after_another():
    x = photograph()
    together = changed(x, {"jpeg": 40, "rotation": 10, "blur": 1.5})
    assert torch.equal(together, CHANGES["jpeg"](CHANGES["blur"](CHANGES["rotation"](x, 10), 1.5), 40))
    assert changed(x, {}) is x


def test_positions_cover_the_range_with_rest_among_them():
    for change in CHANGES.values():
        found = change.positions(9)
        assert found == sorted(set(found)) and 9 <= len(found) <= 10
        assert (found[0], found[-1]) == (change.low, change.high) and change.rest in found
    assert all(amount == int(amount) for amount in CHANGES["jpeg"].positions(33))
    with pytest.raises(ConfigError, match="at least 2"):
        CHANGES["fog"].positions(1)
