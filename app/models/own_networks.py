"""Your own network on the page Models: a file, what it is of, a dry run, and then it stands beside the others."""

import re
from collections.abc import Mapping
from html import escape

import streamlit as st

from app.models import bringing, dry_run
from app.models.bringing import Order, ReadFile
from app.state import visitors, zoo
from app.state.errors import guard
from app.state.names import model_name
from app.state.tasks import BackgroundTask
from app.ui.controls import pick
from app.ui.elements import how_to_read
from app.ui.task_progress import LongTask, watch
from core.data.tasks import Task, task_named
from core.data.tasks.own import MOST_CLASSES, names_in, secret_key
from core.errors import CoreError
from core.models.architectures.catalogue import architecture_of
from core.models.foreign.fitting import LIBRARIES
from core.models.foreign.formats import MOST_FILE_BYTES
from core.models.foreign.importing import Matched, match
from core.models.foreign.presets import TITLES, USUAL
from core.models.zoo import Card
from core.text import escape_markdown

SUFFIXES = ["safetensors", "pt", "pth", "onnx", "bin", "ckpt"]
OWN_TASK = ""  # in place of a task's key: classes of the visitor's own
_GENERATION, _SECRET = "bring.generation", "bring.secret"


def show() -> None:
    """The visitor's networks with what removes them, and the way to add one."""
    visitor = visitors.introduce()
    st.caption(
        "Nobody else sees them. They stand beside the others on every page of this browser, and are kept for "
        f"{visitors.DAYS} days after your last visit: at most {visitors.MOST_MODELS} of them and "
        f"{visitors.MOST_OWN_BYTES / 1e6:.0f} MB."
    )
    for task in zoo.tasks():
        for card in zoo.own_cards(task).values():
            _own(visitor, card)
    generation = st.session_state.setdefault(_GENERATION, 0)
    file = st.file_uploader(
        "Add your own network: its weights as .safetensors, .pt or .pth (a state dict), or as .onnx",
        SUFFIXES,
        key=f"bring.file.{generation}",
        max_upload_size=MOST_FILE_BYTES // 1_000_000,
        help="Nothing in the file is run. It is read in a process of its own, with limits on memory and time.",
    )
    if file is None:
        how_to_read(
            "Save the weights by torch.save(model.state_dict(), 'weights.pt'), or as safetensors, or export the "
            "network as ONNX in one file. Any classifier of torchvision and timm is known by name.",
            "An ONNX network has no gradients: pages say what it can't have.",
        )
        return
    secret = st.session_state.setdefault(_SECRET, secret_key())
    name = re.sub(r"[^A-Za-z0-9]", "", file.file_id)[:64]
    read = watch(
        LongTask(
            "bring.read", ("foreign file", visitor, name), lambda: bringing.reading(visitor, file.getvalue(), name),
            "The file is read and checked.", "Read it again", ":material/restart_alt:", _reading, automatic=True,
        )
    )  # fmt: skip
    if read is None:
        return
    if not bringing.file_there(read.result.weights):
        st.info("This file was put away: drop it here again.", icon=":material/upload_file:")
        return
    _describe(visitor, read.result, file.name.rpartition(".")[0], secret)


def _own(visitor: str, card: Card) -> None:
    """A network of the visitor's, with the way to it and what removes it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        title = architecture_of(card.network).title
        named = getattr(card.network, "name", "")
        st.html(
            f'<div data-mine="{escape(card.key)}"><b>{escape(model_name(card.key))}</b> '
            f'<span class="rs-small">task {escape(task_named(card.task).title)} · '
            f"{escape(f'{title} {named}'.strip())}, "
            f"{card.parameters:,} parameters</span></div>"
        )
        st.page_link(
            "pages/compare.py", label="Compare", icon=":material/compare:",
            query_params={"task": card.task, "models": card.key},
        )  # fmt: skip
        st.button(
            "Remove", icon=":material/delete:", key=f"bring.remove.{card.task}.{card.key}",
            on_click=visitors.remove, args=(visitor, card.task, card.key),
        )  # fmt: skip


def _reading(task: BackgroundTask) -> str:
    return "Reading the file" if task.done == 0 else "Looking for networks that it fits"


def _describe(visitor: str, read: ReadFile, stem: str, secret: str) -> None:
    """What the weights are of, by their visitor; then the dry run, and the button that adds them."""
    weights = read.weights
    for note in weights.notes:
        st.caption(note)
    matched = _architecture(read)
    if matched is None:
        return
    left, right = st.columns(2, gap="large")
    with left:
        name = st.text_input("Name of the network", stem[:40] or "network", max_chars=40, key="bring.name")
        task = _task(matched)
        classes = _classes(matched) if task == OWN_TASK else ()
    with right:
        preprocess = _preprocess(matched)
    if classes is None:
        return
    known = task_named(task) if task else None
    order = Order(name, task, classes, preprocess, secret)
    archive = st.file_uploader(
        "Labelled pictures to try it on (a ZIP with one folder a class, named as the class; not needed)", ["zip"],
        key=f"bring.labelled.{st.session_state[_GENERATION]}", max_upload_size=200,
    )  # fmt: skip
    data, archive_name, archive_id = (archive.getvalue(), archive.name, archive.file_id) if archive else (b"", "", "")
    trial = watch(
        LongTask(
            "bring.try", ("foreign trial", visitor, str(weights.path), matched.fit, order, archive_id),
            lambda: bringing.trying(order, matched, known, data, archive_name),
            "A dry run shows what it answers, and tries the usual mistakes in preprocessing. It takes some seconds.",
            "Try it", ":material/play_arrow:", lambda task: "Trying the network",
        )
    )  # fmt: skip
    if trial is not None:
        dry_run.show(trial.result)
        if st.button("Add it to my networks", type="primary", icon=":material/add:", key="bring.add"):
            _add(visitor, order, matched, known)


def _add(visitor: str, order: Order, matched: Matched, known: Task | None) -> None:
    with guard():
        key = visitors.own_key(order.name, visitors.model_keys(visitor))
        with st.spinner("Adding it"):
            card = bringing.added(visitor, order, matched, known, key)
        st.session_state[_GENERATION] += 1
        del st.session_state[_SECRET]
        st.toast(f"{escape_markdown(model_name(card.key))} is on every page now.", icon=":material/check:")
        st.rerun()


def _architecture(read: ReadFile) -> Matched | None:
    """The network whose weights these are; None while none is chosen that fits, after saying why."""
    if read.weights.kind == "onnx":
        graph = read.weights.graph
        st.markdown(
            f"An ONNX network for pictures of {graph['side']} × {graph['side']} pixels with {graph['classes']:,} "
            "classes. It has no gradients: pages say what it can't have."
        )
        return match(read.weights)
    fitting = [str(one.network) for one in read.fits]
    every = [f"{library}/{name}" for library, (one, _) in LIBRARIES.items() for name in one.names()]
    chosen = st.selectbox(
        "Architecture",
        [*fitting, *(name for name in every if name not in fitting)],
        index=0 if fitting else None,
        format_func=lambda name: f"{name} · fits" if name in fitting else name,
        placeholder="Type a part of its name, such as resnet50",
        key="bring.architecture",
        help="Those that the weights fit come first.",
    )
    if not fitting:
        st.caption(
            "No network of torchvision or timm has weights of just these names and shapes: choose one to see what "
            "differs."
        )
    if chosen is None:
        return None
    try:
        return match(read.weights, chosen)
    except CoreError as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
        return None


def _task(matched: Matched) -> str:
    """The key of a task that has as many classes, or `OWN_TASK`."""
    there = {key: task for key, task in zoo.tasks().items() if task.classes == matched.classes}
    titles: Mapping[str, str] = {OWN_TASK: "classes of my own"} | {key: task.title for key, task in there.items()}
    chosen: str = pick(f"Its {matched.classes:,} classes are", titles, default=OWN_TASK, key="bring.task")
    return chosen


def _classes(matched: Matched) -> tuple[str, ...] | None:
    """The names of the visitor's own classes; None while they are not all there."""
    text = st.text_area(
        "Class names, one a line, in the network's order",
        placeholder="cat\ndog\n…", height=170, key="bring.classes",
        help="JSON is taken, too: a list, or an object by number.",
    )  # fmt: skip
    file = st.file_uploader("… or a file of them", ["txt", "json", "csv"], key="bring.names", max_upload_size=1)
    given = file.getvalue().decode("utf-8", "replace") if file else text
    if not given.strip():
        if matched.classes > MOST_CLASSES:
            st.caption(f"The network answers with {matched.classes:,} classes; at most {MOST_CLASSES:,} are taken.")
        else:
            st.info(f"Name its {matched.classes:,} classes to go on; then it can be tried.", icon=":material/edit:")
        return None
    try:
        names = tuple(names_in(given))
    except CoreError as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
        return None
    if len(names) != matched.classes:
        st.error(
            f"The network answers with {matched.classes:,} classes, and {len(names):,} are named.",
            icon=":material/error:",
        )
        return None
    return names


def _preprocess(matched: Matched) -> str:
    """What is done to pictures first, as the engine reads it."""
    usable = [key for key in TITLES if matched.channels == 3 or key != "caffe"]
    usable = usable if matched.network else [key for key in usable if key != USUAL]
    chosen = st.selectbox(
        "Preprocessing it was trained with", usable, format_func=TITLES.__getitem__, key="bring.preset"
    )
    parts = [chosen or usable[0]]
    with st.expander("Other settings", type="compact"):
        side = st.number_input(
            "Pixels each way that the network sees (0: its usual)", 0, 1024, matched.side, key="bring.side",
            disabled=bool(matched.side),
        )  # fmt: skip
        mean = st.text_input("Mean of each channel, such as 0.5:0.5:0.5", key="bring.mean").strip()
        std = st.text_input("Deviation of each channel", key="bring.std").strip()
        values = pick(
            "Range of the pixels",
            {"": "as the preset", "0..1": "0 to 1", "0..255": "0 to 255"},
            default="",
            key="bring.values",
        )
        order = pick(
            "Order of the colours", {"": "as the preset", "rgb": "RGB", "bgr": "BGR"}, default="", key="bring.order"
        )
    settings = {
        "side": side if side and not matched.side else "",
        "mean": mean,
        "std": std,
        "values": values,
        "order": order,
    }
    return ",".join([*parts, *(f"{key}={value}" for key, value in settings.items() if value)])
