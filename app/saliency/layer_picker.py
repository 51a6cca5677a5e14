"""Which layer Grad-CAM and its kin look at: each network's default, or one of the network that is looked at."""

import streamlit as st

from app.saliency.choice import SaliencyChoice
from app.state import session, zoo
from app.state.names import model_name
from app.ui.controls import late_binding
from core.data.tasks import Task
from core.errors import CoreError
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.models.layers import Layer, default_layer, layers
from core.models.pooled import PooledClassifier

DEFAULT = "each network's last places that bear on the answer"


def layer_picker(task: Task) -> None:
    """The layer, where a method of places is shown, and what is done to the tokens of transformers."""
    part = session.page_choice(SaliencyChoice)
    if not any(ATTRIBUTION_METHODS[key].family == "place" for key in part.methods):
        return
    found = {one.name: one for one in _layers_of(task, part.seen)}
    offered = ["", *found] + ([part.layer] if part.layer not in {"", *found} else [])
    st.selectbox(
        f"Places of which layer of {model_name(part.seen)}",
        offered,
        format_func=lambda name: _words(found[name]) if name in found else name or DEFAULT,
        help="Grad-CAM, Grad-CAM++ and Guided Grad-CAM look at it; a network without it says so.",
        **late_binding("layer", f"saliency.layer.{task.key}", part.layer, index=offered.index(part.layer)),
    )
    for key in session.now().models:
        one = found.get(part.layer) if part.layer else _default_of(task, key)
        if one is not None and one.layout == "tokens":
            st.caption(f"{model_name(key)}: {_words(one)}.")


def _words(layer: Layer) -> str:
    """A layer and the size of its map."""
    width, height, wide = layer.shape
    if layer.layout == "tokens":
        return f"{layer.name} · tokens of a transformer, put back on their grid of {height} × {wide}"
    return f"{layer.name} · {width} × {height} × {wide}"


def _layers_of(task: Task, key: str) -> list[Layer]:
    """The layers with places of a network; none where it can't be asked, which its maps say."""
    return _known(task.key, key, _stamp(task, key))[0]


def _default_of(task: Task, key: str) -> Layer | None:
    return _known(task.key, key, _stamp(task, key))[1]


def _stamp(task: Task, key: str) -> str:
    card = zoo.cards_of(task.key).get(key)
    return card.sha256 if card else ""


@st.cache_data(max_entries=64, show_spinner=False)
def _known(task: str, key: str, sha256: str) -> tuple[list[Layer], Layer | None]:
    try:
        model = zoo.model(task, key)
        default = None if isinstance(model.fast, PooledClassifier) else default_layer(model.fast, model.task.shape)
        return list(layers(model.fast, model.task.shape)), default
    except CoreError:
        return [], None
