"""Links that were made before open the views that they opened: stored with the view and the sentences of that day."""

import json
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import app.training.choice as training
from app.adversarial.choice import AdversarialChoice
from app.anomaly.choice import AnomalyChoice
from app.latent.choice import LatentChoice
from app.models.choice import PerturbationChoice
from app.saliency.choice import SaliencyChoice
from app.state.choice import read
from app.state.page_choice import Beside
from core.decoding.window import AS_IT_CAME
from tests.helpers.links import OPTIONS, STORED
from tests.helpers.synthetic.latent import write_autoencoders

pytestmark = pytest.mark.slow

PARTS = {
    "adversarial": AdversarialChoice,
    "anomaly": AnomalyChoice,
    "latent": LatentChoice,
    "models": PerturbationChoice,
    "saliency": SaliencyChoice,
}
YOUNGER = {
    "adversarial": ("sigma", "draws"),
    "anomaly": ("near",),
    "latent": ("view", "changes", "amounts", "of"),
    "models": ("one", "other", "counted", "under", "square", "temperature"),
    "saliency": ("layer", "precision"),
}
"""What has joined each page since the links were stored; `of`, whose sliders those of Latent are, is in none."""
LATER = {"window": asdict(AS_IT_CAME), "box": None, "fill": ""}  # values that links can hold since, as they were before
PAGES = (*PARTS, "compare", "training")


@pytest.fixture(scope="module", autouse=True)
def generators(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = write_autoencoders(tmp_path_factory.mktemp("generators"), ("cifar10", "fashion-mnist"))
        patch.setenv("ROBUSTSCOPE_GENERATORS", str(folder))
        yield


def opened(page: str, query: dict[str, str]) -> dict[str, object]:
    """The view and the sentences that a link opens, as they are stored."""
    if page == "training":
        order, notes = training.read(query, STORED["teachers"])
        return {"order": asdict(order), "notes": notes}
    choice, notes = read(query, OPTIONS)
    if page not in PARTS:
        return {"choice": asdict(choice), "notes": notes}
    part, more = PARTS[page].read(query, choice, OPTIONS)
    return {"choice": asdict(choice), "part": asdict(part), "notes": notes + more}


def as_json(view: dict[str, object]) -> dict[str, object]:
    """Tuples as lists."""
    return json.loads(json.dumps(view))


def younger(page: str, query: dict[str, str]) -> dict[str, object]:
    """The values of a page's part that links can hold since, as they are where no link says otherwise."""
    if page not in PARTS:
        return {}
    choice, _ = read(query, OPTIONS)
    first = PARTS[page].first(Beside(choice, OPTIONS)).within(choice, OPTIONS)
    return {name: value for name, value in as_json(asdict(first)).items() if name in YOUNGER[page]}


def test_there_are_twenty_links_or_more_of_every_page():
    assert len(STORED["links"]) >= 20 and {link["page"] for link in STORED["links"]} == {*PAGES}


@pytest.mark.parametrize("link", STORED["links"], ids=lambda link: f"{link['page']}: {'&'.join(link['query'])}"[:60])
def test_a_stored_link_opens_the_view_and_says_the_sentences_of_the_day_it_was_stored(link):
    wanted = {name: value for name, value in link.items() if name not in ("page", "query")}
    if "choice" in wanted:
        wanted["choice"] = LATER | wanted["choice"]
    if "part" in wanted:
        wanted["part"] = wanted["part"] | younger(link["page"], link["query"])
    assert as_json(opened(link["page"], link["query"])) == wanted


NAMES = sorted({name for link in STORED["links"] for name in link["query"]})
VALUES = sorted({value for link in STORED["links"] for value in link["query"].values()})
TEXT = st.one_of(
    st.sampled_from(VALUES),
    st.text(max_size=40),
    st.text("0123456789.,-+eE_ ", max_size=12),
    st.lists(st.sampled_from(VALUES), max_size=4).map(",".join),
)


@pytest.mark.parametrize("page", PAGES)
@settings(max_examples=60)
@given(query=st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=8)), TEXT, max_size=12))
def test_no_query_of_anyone_raises_and_what_was_read_is_written_and_read_back(page, query):
    """Whatever the address holds, a view comes out, and a link to that view opens it again without a complaint."""
    if page == "training":
        order, _ = training.read(query, STORED["teachers"])
        assert training.read(training.to_query(order), STORED["teachers"]) == (order, [])
        return
    choice, _ = read(query, OPTIONS)
    assert read(choice.to_query(), OPTIONS) == (choice, [])
    if page in PARTS:
        part, _ = PARTS[page].read(query, choice, OPTIONS)
        assert PARTS[page].read(part.to_query(), choice, OPTIONS) == (part, [])
