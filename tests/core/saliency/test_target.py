"""Which class a map explains."""

import pytest
import torch

from core.errors import ConfigError, InputError
from core.saliency.target import Target


def test_targets_say_classes_by_the_logits():
    logits = torch.tensor([[1.0, 3.0, 2.0], [5.0, 0.0, 1.0]])
    labels = torch.tensor([2, 0])
    assert Target().classes(logits).tolist() == [1, 0]
    assert Target(2).classes(logits).tolist() == [2, 2]
    assert Target("true").classes(logits, labels).tolist() == [2, 0]
    assert Target("true", "other").classes(logits, labels).tolist() == [[2, 1], [0, 2]]
    assert Target("top", "other").classes(logits).tolist() == [[1, 2], [0, 2]]
    assert Target(0, 2).classes(logits).tolist() == [[0, 2], [0, 2]]


@pytest.mark.parametrize(("of", "against"), [(-1, None), ("best", None), (1, 1), ("top", -2), (0, "true")])
def test_impossible_targets_are_refused(of, against):
    with pytest.raises(ConfigError):
        Target(of, against)


def test_targets_that_this_network_or_image_does_not_have_are_refused():
    logits = torch.tensor([[1.0, 3.0, 2.0]])
    with pytest.raises(ConfigError, match="0 to 2"):
        Target(3).classes(logits)
    with pytest.raises(ConfigError, match="true"):
        Target("true").classes(logits)
    with pytest.raises(InputError, match="nothing to hold"):
        Target("top", 1).classes(logits)
