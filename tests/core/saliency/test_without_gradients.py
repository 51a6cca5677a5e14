"""Each saliency method on a network from an ONNX file: a map where it only asks, a sentence where it needs more."""

import pytest
import torch

from core.data.tasks.own import forget_private, keep_private, own_task
from core.models.foreign.importing import built, match
from core.models.foreign.reading import read_foreign
from core.saliency.catalogue import SALIENCY_METHODS
from core.saliency.grid import saliency_grid
from tests.helpers.foreign import onnx_model, written

pytestmark = pytest.mark.slow
ASKING = {"occlusion", "feature-ablation", "kernel-shap", "lime"}


def test_it_gives_a_map_or_says_in_a_sentence_what_the_network_lacks(tmp_path):
    task = own_task("own-saliency", "Colours", ("red", "green", "blue"), 3, 32)
    keep_private([task])
    weights = read_foreign(written(tmp_path, "n", onnx_model().SerializeToString()), tmp_path / "w.safetensors")
    model = built(match(weights), task, "none", "mine")
    x = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    found = {one.method: one for one in saliency_grid([model], x, [*SALIENCY_METHODS])}
    forget_private(task.key)
    assert {key for key, one in found.items() if not one.problem} == ASKING
    for key in ASKING:
        assert found[key].attributions.any()
    for key in found.keys() - ASKING:
        assert "gradients" in found[key].problem or "the network has none" in found[key].problem
