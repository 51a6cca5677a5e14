"""Whatever somebody brings in place of weights is refused in a sentence of its own: nothing runs, memory is bounded."""

import re

import pytest

from core.errors import InputError
from core.models.foreign.importing import match
from core.models.foreign.reading import read_foreign
from core.text import shorten
from tests.helpers.foreign import SMALL, saved, small_network, written
from tests.helpers.forked import refused_apart
from tests.helpers.hostile import FILES

pytestmark = pytest.mark.slow
MOST_MEMORY = 2_600_000  # kB that a process takes that reads: 2 GB beside the libraries

OF_ITS_OWN = {"ZIP bomb", "32 GiB by strides", "ONNX of 4 TiB", "safetensors cut"}
"""Files that are read as the dashboard reads all, by a new interpreter: those that want memory, so that there is one of
each form.

The others are read by one that is forked.
"""


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_network_is_a_sentence(name, tmp_path, request):
    make, said = FILES[name]
    canary, out = tmp_path / "canary", tmp_path / "out.safetensors"
    path = written(tmp_path, "weights", make(canary))
    if name in OF_ITS_OWN:
        sentence, memory = refused_apart(path, out)
        assert 0 < memory < MOST_MEMORY
    else:
        request.getfixturevalue("forked_reader")
        with pytest.raises(InputError) as refused:
            read_foreign(path, out)
        sentence = str(refused.value)
    assert re.search(said, sentence)
    assert len(sentence) < 300 and "\n" not in sentence and sentence == shorten(sentence, 300)
    assert not canary.exists() and not out.exists()


def test_every_kind_of_file_has_a_sentence_of_its_own():
    """Only what is damaged in one way alone, or holds no weights at all, may share one."""
    sentences = [said for _, said in FILES.values()]
    assert len(FILES) >= 40 and len(set(sentences)) >= 0.8 * len(FILES)


@pytest.mark.usefixtures("forked_reader")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: {**state, "head.extra": state["features.0.bias"]}, "has 1 tensor that .* lacks: head.extra"),
        (lambda state: {k: v for k, v in state.items() if k != "features.0.bias"}, "1 tensor that the file lacks"),
        (lambda state: {**state, "features.0.bias": state["features.0.bias"][:9]}, "features.0.bias is 9, and should"),
        (
            lambda state: {k: v for k, v in state.items() if k.startswith("classifier")},
            "50 tensors that the file lacks",
        ),
    ],
    ids=["extra keys", "missing keys", "wrong shape", "a part"],
)
def test_weights_of_another_network_are_listed_in_plain_words(change, said, tmp_path):
    path = written(tmp_path, "weights.pt", saved(change(small_network().state_dict())))
    weights = read_foreign(path, tmp_path / "out.safetensors")
    with pytest.raises(InputError, match=said):
        match(weights, SMALL)


def test_weights_of_another_architecture_are_refused(forked_reader, tmp_path):
    path = written(tmp_path, "weights.pt", saved(small_network().state_dict()))
    with pytest.raises(InputError, match="not those of torchvision/resnet18"):
        match(read_foreign(path, tmp_path / "out.safetensors"), "torchvision/resnet18")
