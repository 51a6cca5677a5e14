"""Weights of others come in as they were: names found, half precision widened, the same answers as before."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save as save_tensors

from core.data.tasks.own import forget_private, keep_private, own_task
from core.errors import InputError
from core.models.architectures.onnx_network import CHUNK, NO_GRADIENT
from core.models.foreign.fitting import LIBRARIES, NetworkName, expected_shapes, fit, named
from core.models.foreign.importing import built, keep, match
from core.models.foreign.index import fitting_networks, signature, versions
from core.models.foreign.names import find_weights
from core.models.foreign.reading import read_foreign
from core.models.zoo import load_zoo_model
from core.progress import StoppedError
from tests.helpers.foreign import SMALL, onnx_model, safetensors_of, saved, small_network, written

PLAIN = {"conv.weight": torch.ones(2), "conv.bias": torch.zeros(2)}


@pytest.fixture
def task(forked_reader):
    """Three classes of one's own at 64 pixels."""
    made = own_task("own-test", "Colours", ("red", "green", "blue"), 3, 64)
    keep_private([made])
    yield made
    forget_private(made.key)


def prefixed(prefix: str, value: float = 1.0) -> dict:
    return {f"{prefix}{name}": tensor * value for name, tensor in PLAIN.items()}


@pytest.mark.parametrize(
    ("loaded", "words"),
    [
        (PLAIN, ""),
        (prefixed("module."), "`module.` was taken off"),
        ({"state_dict": prefixed("model._orig_mod."), "epoch": 3}, "in `state_dict`"),
        ({"model": PLAIN, "optimizer": {"state": {0: prefixed("x")}}}, "in `model`"),
        ({"state_dict": prefixed("", 0.5), "state_dict_ema": PLAIN}, "averaged over training"),
        (prefixed("model.", 0.5) | prefixed("ema_model.module."), "outside of `ema_model.`: model.conv.weight"),
        ({"n_averaged": torch.tensor(3), **prefixed("module.")}, "outside of `module.`: n_averaged"),
        ({"deep": {"deeper": PLAIN}}, "in `deep.deeper`"),
        ({"0.mean": torch.ones(1), **{f"1.{n}": torch.ones(2) for n in "abcdefghij"}}, "`1.` was taken off"),
    ],
)
def test_the_weights_are_found_and_it_is_said_where(loaded, words):
    found, notes = find_weights(loaded)
    assert words in " ".join(notes)
    if "conv.weight" in found:
        assert all(torch.equal(found[name], value) for name, value in PLAIN.items())
    else:
        assert set(found) == set("abcdefghij")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pt", "safetensors", "half", "bfloat16"])
def test_a_network_answers_here_as_it_did_where_it_was_trained(kind, task, tmp_path):
    network = small_network().to({"half": torch.float16, "bfloat16": torch.bfloat16}.get(kind, torch.float32))
    data = safetensors_of(network) if kind == "safetensors" else saved({"model": network.state_dict()})
    weights = read_foreign(written(tmp_path, "net", data), tmp_path / "weights.safetensors")
    keep(built(match(weights, SMALL), task, "imagenet,side=64", "mine"), tmp_path / "zoo")
    model = load_zoo_model(task.key, "mine", tmp_path / "zoo")
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        wanted = network.float()((x - mean.view(3, 1, 1)) / std.view(3, 1, 1))
        torch.testing.assert_close(model.plain(x), wanted)
        torch.testing.assert_close(model.fast(x), wanted, rtol=1e-3, atol=1e-4)
    assert ("float16" in " ".join(weights.notes)) == (kind in ("half", "bfloat16"))


@pytest.mark.slow
def test_an_onnx_network_answers_and_has_no_gradient(task, tmp_path):
    weights = read_foreign(written(tmp_path, "n", onnx_model().SerializeToString()), tmp_path / "w.safetensors")
    keep(built(match(weights), task, "none", "mine"), tmp_path / "zoo")
    model = load_zoo_model(task.key, "mine", tmp_path / "zoo")
    x = torch.rand(5, 3, 64, 64)
    small = torch.nn.functional.interpolate(x, (32, 32), mode="bilinear", antialias=True)
    np.testing.assert_allclose(model.plain(x).numpy(), 4 * small.mean((2, 3)).numpy(), rtol=1e-4)
    with pytest.raises(InputError, match=NO_GRADIENT):
        torch.autograd.grad(model.plain(x.requires_grad_()).sum(), x)


@pytest.mark.slow
def test_a_softmax_at_the_end_is_undone_and_one_picture_at_a_time_is_enough(task, tmp_path):
    from onnx import helper

    model = onnx_model(shape=(1, 3, 32, 32))
    model.graph.node[-1].output[0] = "logits"
    model.graph.node.append(helper.make_node("Softmax", ["logits"], ["y"]))
    weights = read_foreign(written(tmp_path, "n", model.SerializeToString()), tmp_path / "w.safetensors")
    assert weights.graph["probabilities"] and not weights.graph["any_batch"]
    found = built(match(weights), task, "none", "mine").plain(torch.rand(3, 3, 64, 64))
    assert found.shape == (3, 3) and torch.allclose(found.exp().sum(1), torch.ones(3), atol=1e-5)


def test_pictures_go_through_an_onnx_graph_in_the_numbers_that_it_was_tried_with(task, tmp_path, monkeypatch):
    weights = read_foreign(written(tmp_path, "n", onnx_model().SerializeToString()), tmp_path / "w.safetensors")
    network, seen = built(match(weights), task, "none", "mine").plain, []
    x = torch.rand(2 * CHUNK + 3, 3, 32, 32)
    wanted = 4 * x.mean((2, 3))
    torch.testing.assert_close(network(x), wanted, rtol=1e-4, atol=1e-5)
    run = network._session.run
    network._session = SimpleNamespace(
        get_inputs=network._session.get_inputs, get_outputs=network._session.get_outputs,
        run=lambda out, given: seen.append(len(*given.values())) or run(out, given),
    )  # fmt: skip
    torch.testing.assert_close(network(x), wanted, rtol=1e-4, atol=1e-5)
    assert seen == [CHUNK, CHUNK, 1, 1, 1]


def over_the_batch() -> list:
    """Each picture's answer is the sum of all of them."""
    from onnx import helper

    return [
        helper.make_node("GlobalAveragePool", ["x"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("ReduceSum", ["f", "axis"], ["s"], keepdims=1),
        helper.make_node("Add", ["f", "s"], ["y"]),
    ]


def wide() -> list:
    """Each picture takes 160 MB, so many at once more than there is."""
    from onnx import helper

    return [
        helper.make_node("Tile", ["x", "often"], ["t"]),
        helper.make_node("GlobalMaxPool", ["t"], ["p"]),
        helper.make_node("Flatten", ["p"], ["y"]),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("nodes", "weights"),
    [(over_the_batch, {"axis": np.array([0])}), (wide, {"often": np.array([1, 1, 100, 130])})],
    ids=["sums-over-the-batch", "takes-much-memory"],
)
def test_what_can_not_go_together_is_asked_one_by_one(tmp_path, nodes, weights):
    data = onnx_model(nodes(), {name: value.astype(np.int64) for name, value in weights.items()}).SerializeToString()
    found = read_foreign(written(tmp_path, "n", data), tmp_path / "w.safetensors")
    assert not found.graph["any_batch"] and found.graph["classes"] == 3


def test_reading_stops_when_it_is_told_to(tmp_path):
    path = written(tmp_path, "net", saved(PLAIN))
    with pytest.raises(StoppedError):
        read_foreign(path, tmp_path / "out", lambda: True)
    assert not (tmp_path / "out").exists()


def test_grey_pictures_and_other_sizes_are_seen_in_the_shapes():
    grey = {k: v[:, :1].shape if k == "conv1.weight" else v for k, v in _shapes("torchvision/resnet18", 5).items()}
    found = fit(NetworkName("torchvision", "resnet18"), {k: tuple(v) for k, v in grey.items()})
    assert found.whole and (found.classes, found.channels) == (5, 1)


def _shapes(text: str, classes: int) -> dict:
    (network,) = named(text)
    library, _ = LIBRARIES[network.library]
    with torch.device("meta"):
        made = library.make(network.name, classes, 3, 0)
    return {k: v if k == "conv1.weight" else tuple(v.shape) for k, v in made.state_dict().items()}


@pytest.mark.slow
def test_a_transformer_of_another_size_is_built_for_it():
    with torch.device("meta"):
        made = LIBRARIES["timm"][0].make("vit_tiny_patch16_224", 4, 3, 96)
    found = fit(NetworkName("timm", "vit_tiny_patch16_224"), {k: tuple(v.shape) for k, v in made.state_dict().items()})
    assert found.whole and (found.classes, found.side) == (4, 96)


def test_what_fits_is_found_by_the_names_alone():
    shapes = {k: tuple(getattr(v, "shape", v)) for k, v in _shapes("torchvision/resnet18", 10).items()}
    assert [str(one.network) for one in fitting_networks(shapes)][:2] == ["timm/resnet18", "torchvision/resnet18"]
    assert fitting_networks({"a.weight": (1,)}) == []


def test_the_index_is_of_the_installed_libraries():
    import json

    from core.checksums import read_checked
    from core.models.foreign.index import FILE, MAX_BYTES

    index = json.loads(read_checked(FILE, MAX_BYTES))
    assert index["versions"] == versions(), "rebuild it by `robustscope index`"
    assert sum(map(len, index["networks"].values())) > 1_300
    for text in ("torchvision/resnet50", "timm/tf_efficientnet_lite0"):
        assert text in index["networks"][signature(expected_shapes(named(text)[0]))]


@pytest.mark.slow
def test_saved_tensors_that_share_memory_are_taken(forked_reader, tmp_path):
    shared = torch.arange(6.0)
    path = written(tmp_path, "n", saved({"a": shared[:3], "b": shared[3:]}))
    found = read_foreign(path, tmp_path / "out.safetensors")
    assert dict(found.shapes) == {"a": (3,), "b": (3,)}


@pytest.mark.slow
def test_counters_of_batchnorm_may_lack_as_in_files_of_old(tmp_path, task):
    network = small_network(name="resnet18")
    state = {k: v for k, v in network.state_dict().items() if "num_batches" not in k}
    weights = read_foreign(written(tmp_path, "n", save_tensors(state)), tmp_path / "out.safetensors")
    assert built(match(weights, "torchvision/resnet18"), task, "usual,side=64", "mine").card.parameters == 11_178_051
