"""Texts from anyone: links to every page, the file of trusted functions, lines of preprocessing, names of classes."""

import os
from collections.abc import Callable, Iterator
from unittest.mock import patch
from urllib.parse import parse_qsl, urlencode

import app.training.choice as training
import app.workshop.choice as workshop
from app.adversarial.choice import AdversarialChoice
from app.anomaly.choice import AnomalyChoice
from app.compare.choice import CompareChoice
from app.find.choice import FindChoice
from app.latent.choice import LatentChoice
from app.models.choice import PerturbationChoice
from app.saliency.choice import SaliencyChoice
from app.state import query_fields
from app.state.choice import read
from core.data.tasks.own import names_in
from core.errors import ConfigError
from core.models.architectures.factory_networks import FACTORIES
from core.models.foreign.fitting import NetworkName
from core.models.foreign.presets import preprocessing_of, variants
from tests.helpers.fuzz.scratch import scratch
from tests.helpers.fuzz.target import Target
from tests.helpers.links import OPTIONS, STORED

_PAGES = {
    "adversarial": AdversarialChoice,
    "anomaly": AnomalyChoice,
    "compare": CompareChoice,
    "find": FindChoice,
    "latent": LatentChoice,
    "models": PerturbationChoice,
    "saliency": SaliencyChoice,
}


def follow_link(data: bytes) -> None:
    """What each page makes of a query; a link to the view that comes out opens it again without a complaint."""
    query = dict(parse_qsl(data.decode(errors="replace"), keep_blank_values=True))
    choice, notes = read(query, OPTIONS)
    assert read(choice.to_query(), OPTIONS) == (choice, [])
    for kind in _PAGES.values():
        part, more = kind.read(query, choice, OPTIONS)
        again, complaints = kind.read(part.to_query(), choice, OPTIONS)
        assert again.to_query() == part.to_query() and not complaints
        notes += more
    order, more = training.read(query, STORED["teachers"])
    assert training.read(training.to_query(order), STORED["teachers"]) == (order, [])
    _, last = query_fields.read(workshop._TABLE, workshop.WorkshopLink(), query, lambda link: 3)
    assert all(len(note) < 2_000 for note in notes + more + last)


def read_trusted(data: bytes) -> None:
    """`robustscope.toml`."""
    with patch.dict(os.environ, ROBUSTSCOPE_CONFIG=str(scratch("robustscope.toml", data))):
        assert all(".py:" in name for name in FACTORIES.names())


def read_preprocessing(data: bytes) -> None:
    """A line of preprocessing, for each number of channels."""
    text = data.decode(errors="replace")
    refused = []
    for network, channels in ((None, 3), (None, 1), (NetworkName("torchvision", "resnet18"), 3)):
        try:
            found = preprocessing_of(text, network, channels)
        except ConfigError as error:
            refused.append(error)
        else:
            assert found.channels == channels and len(variants(found)) >= 2
    if refused:
        raise refused[0]


def read_names(data: bytes) -> None:
    """Class names that somebody pasted."""
    names = names_in(data.decode("utf-8", "replace"))
    assert len({*names}) == len(names) >= 2 and all(name == name.strip() for name in names)


def _links() -> Iterator[bytes]:
    yield from (urlencode(link["query"]).encode() for link in STORED["links"])
    yield b"join=ABCDEF&round=2&rule=surest&source=own&of_class=3&form=alone&opacity=40"


def _lines(*texts: str) -> Callable[[], Iterator[bytes]]:
    return lambda: (text.encode() for text in texts)


TARGETS = (
    Target("link", "Links to every page", _links, follow_link),
    Target(
        "toml", "robustscope.toml",
        _lines('[trusted]\nfactories = ["nets.py:make", "a/b.py:c"]\n', "[[trusted]]\n", 'trusted.factories = {a=1}'),
        read_trusted,
    ),
    Target(
        "preprocessing", "Lines of preprocessing",
        _lines(
            "imagenet", "imagenet,side=128", "mean=0.5:0.5:0.5,std=1:1:1,order=bgr", "caffe, values=0..255",
            "half,mean=1/2,std=127/255", "usual,side=1e2",
        ),
        read_preprocessing,
    ),
    Target(
        "names", "Names of classes",
        _lines("cat\ndog\n", '["cat", "dog"]', '{"0": "cat", "1": "dog"}', '{"cat": 0, "dog": 1}', "0: cat\n1,dog",
               '{"0": ["n01", "tench"], "1": ["n02", "eel"]}'),
        read_names,
    ),
)  # fmt: skip
