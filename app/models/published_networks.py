"""Published networks by name on the page Models: a list to search, what is known of one, and how it comes here."""

import tempfile
from html import escape
from importlib.metadata import version
from pathlib import Path

import streamlit as st

from app.state import zoo
from app.state.tasks import BackgroundTask, Call
from app.ui.elements import how_to_read
from app.ui.task_progress import LongTask, watch
from core.errors import ConfigError, InputError
from core.models.published.catalogue import published_networks
from core.models.published.entry import TASK, Publication, PublishedNetwork
from core.models.published.fetch import check_wanted, fetched, keep_fetched
from core.models.server_settings import visitors_may_fetch
from core.models.zoo import Card, user_models
from core.progress import OnProgress, ShouldStop
from core.text import escape_markdown

MOST_BYTES = 4_000_000_000  # of networks in the user's folder, from which on a visitor's press fetches no more


def show() -> None:
    """The list, the network that is picked from it, and the way to have it."""
    st.caption(
        "Networks that others trained on the thousand classes of ImageNet. One that is fetched stands on every page, "
        "for everybody on this server."
    )
    known = published_networks()
    name = st.selectbox(
        "Published network",
        [*known],
        index=None,
        format_func=lambda name: f"{name} · {known[name].accuracy_words()} · {known[name].licence}",
        placeholder=f"{len(known):,} of them: type a part of a name, such as resnet50, robust or timm/",
        key="published.name",
    )
    if name is not None:
        _offer(known[name])
    how_to_read(
        "Accuracy is what its authors published: on ImageNet's validation photographs, prepared their way. Nothing of "
        "it was measured here. timm states none with its weights.",
        f"torchvision {version('torchvision')}; timm {version('timm')}; Salman et al. 2020, arXiv:2007.08489; "
        "Croce et al. 2021, arXiv:2010.09670.",
    )


def publication(key: str, said: Publication) -> str:
    """What a network's card says of its publication, as HTML."""
    origin = f" ({escape(said.accuracy_source)})" if said.accuracy_source else ""
    return (
        f'<p class="rs-small" data-published="{escape(key)}"><b>Published:</b> {escape(said.accuracy)}{origin}; '
        f"not measured here.<br>Licence: {escape(said.licence)}<br>"
        f"File: {escape(said.address)}</p>"
    )


def _offer(entry: PublishedNetwork) -> None:
    st.html(_described(entry))
    if entry.key in zoo.cards_of(TASK):
        st.success("It is here.", icon=":material/check:")
        st.page_link(
            "pages/compare.py", label="Compare", icon=":material/compare:",
            query_params={"task": TASK, "models": entry.key},
        )  # fmt: skip
        return
    if entry.hindrance:
        st.info(escape_markdown(entry.hindrance), icon=":material/info:")
        if entry.obstacle:
            st.code(entry.import_command, language="bash", wrap_lines=True)
        return
    st.markdown("On this server, this command fetches it:")
    st.code(f"robustscope fetch {entry.name}", language="bash", wrap_lines=True)
    if visitors_may_fetch():
        _fetch(entry)


def _described(entry: PublishedNetwork) -> str:
    size = f", {entry.size / 1e6:.0f} MB" if entry.size else ""
    if entry.obstacle:
        checksum = ""
    elif entry.sha256:
        checksum = f"<br>SHA-256, as published: {escape(entry.sha256[:16])}{'…' if len(entry.sha256) > 16 else ''}"
    else:
        checksum = "<br>SHA-256: none was published. The first fetch counts, and later ones must be the same."
    origin = f" ({escape(entry.accuracy.source)})" if entry.accuracy else ""
    return (
        f'<div data-entry="{escape(entry.name)}"><b>{escape(entry.name)}</b>'
        f"<br>Published: {escape(entry.accuracy_words())}{origin}<br>Licence: {escape(entry.licence)}"
        f"<br>Source: {escape(entry.source)}<br>{escape(entry.note)}"
        f'<div class="rs-small">{escape(entry.address)}{size}{checksum}</div></div>'
    )


def _fetch(entry: PublishedNetwork) -> None:
    """The button that has this server fetch it, and how far that is."""
    done = watch(
        LongTask(
            "published.fetch", ("published network", entry.name), lambda: _fetching(entry),
            "Or fetch it from here. It is checked, and then it is there for everybody.",
            "Fetch it", ":material/download:", _step,
        )
    )  # fmt: skip
    if done is not None:
        st.warning("It was fetched, and somebody removed it since. The command fetches it again.")


def _fetching(entry: PublishedNetwork) -> Call:
    """The work that fetches a network.

    Raises:
        ConfigError: visitors may not, or the network can't be had.
        InputError: there are many already.
    """
    if not visitors_may_fetch():
        raise ConfigError("visitors may not have this server fetch networks")
    check_wanted(entry)
    if sum(path.stat().st_size for path in user_models().glob("*/*.safetensors")) > MOST_BYTES:
        raise InputError(f"This server has {MOST_BYTES / 1e9:.0f} GB of networks: the command alone fetches more.")

    def fetch(on_progress: OnProgress, should_stop: ShouldStop) -> Card:
        with tempfile.TemporaryDirectory() as scratch:
            return keep_fetched(fetched(entry, Path(scratch), on_progress, should_stop))

    return fetch


def _step(task: BackgroundTask) -> str:
    if task.of and task.done < task.of:
        return f"Fetching, {task.done / 1e6:.0f} of {task.of / 1e6:.0f} MB"
    return "Fetching" if not task.done else "Reading and checking it"
