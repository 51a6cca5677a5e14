"""A region edited and attacked: nothing changes elsewhere, and what comes into it is what was said."""

import numpy as np
import pytest
import torch

from core.errors import ConfigError, InputError
from core.explanations.region import EDITS, PARTS, attack_region, edit_region, edited_answer, region_pgd
from core.metrics.box import Box
from core.norms import NORMS

BOX = Box(4, 10, 9, 6)
INSIDE = torch.from_numpy(BOX.mask(28, 28))


@pytest.fixture
def pictures():
    return torch.rand(2, 1, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_changes_the_region_alone_to_the_last_bit(pictures, edit):
    x, other = pictures
    before = x.clone()
    changed = edit_region(x, BOX, edit, other)
    assert torch.equal(x, before) and torch.equal(changed[..., ~INSIDE], x[..., ~INSIDE])
    assert (changed[..., INSIDE] != x[..., INSIDE]).all() and 0 <= changed.min() <= changed.max() <= 1


def test_the_region_gets_the_mean_the_blurred_picture_or_the_others_pixels(pictures):
    x, other = pictures
    assert torch.allclose(edit_region(x, BOX, "cover")[..., INSIDE], x.mean())
    assert torch.equal(edit_region(x, BOX, "replace", other)[..., INSIDE], other[..., INSIDE])
    blurred = edit_region(x, BOX, "blur")[..., INSIDE]
    assert blurred.std() < 0.2 * x[..., INSIDE].std() and blurred.mean() == pytest.approx(float(x.mean()), abs=0.1)


def test_an_answer_after_an_edit_is_the_networks_own_on_the_changed_picture(model, pictures):
    x, other = pictures
    found = edited_answer(model, x, BOX, "replace", other)
    with torch.no_grad():
        probs = model.fast(edit_region(x, BOX, "replace", other)).softmax(1)[0]
    assert np.allclose(found.probs_adv, probs, atol=1e-6) and not np.allclose(found.probs, probs, atol=1e-6)
    assert found.settings["box"] == {"top": 4, "left": 10, "height": 9, "width": 6}


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("part", PARTS)
def test_an_attack_on_a_part_leaves_the_rest_to_the_last_bit_and_spends_its_radius_there(model, pictures, norm, part):
    """In L2 a random start would spend a part of the radius where nothing may change."""
    x, epsilon = 0.4 + 0.2 * pictures[0], {"linf": 0.05, "l2": 0.5}[norm]
    found = attack_region(model, x, BOX, part, region_pgd(epsilon, norm, 5))
    free = (INSIDE if part == "inside" else ~INSIDE).numpy()
    assert not found.delta[:, ~free].any() and found.delta[:, free].any() and found.part == part
    size = {"linf": found.linf, "l2": found.l2}[norm]
    assert size == pytest.approx(epsilon, rel=1e-4)
    assert found.probs_adv[found.before] < found.probs[found.before]


def test_what_can_not_be_asked_is_refused(model, pictures):
    x, other = pictures
    with pytest.raises(ConfigError, match="edit must be one of"):
        edit_region(x, BOX, "erase")
    for fill in (None, other[..., :20]):
        with pytest.raises(InputError, match="another picture"):
            edit_region(x, BOX, "replace", fill)
    with pytest.raises(InputError, match="inside of a picture"):
        edit_region(x, Box(20, 20, 9, 1), "cover")
    with pytest.raises(ConfigError, match="part must be one of"):
        attack_region(model, x, BOX, "border", region_pgd(0.1, "linf", 2))
