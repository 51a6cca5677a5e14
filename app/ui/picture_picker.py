"""The picture that a page is about: a row of the gallery, all of it in a dialog, a file or a photo of one's own."""

import base64
import re
from collections.abc import Sequence
from itertools import islice

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app.state import pictures, session, visitors
from app.state.errors import guard
from app.state.pictures import ModelInput
from app.state.uploads import UPLOAD
from app.ui.controls import fit_picker
from app.ui.elements import Head, picture, pinned
from app.ui.paste import paste_into
from app.ui.window_picker import window_picker
from core.data.galleries import TEST_IMAGES_OFFERED, GalleryItem, most_tests
from core.data.tasks import task_named
from core.errors import InputError
from core.images import MAX_BYTES
from core.text import escape_markdown, shorten

ROW = 8  # pictures in the row
OF_A_KIND = 4  # of them, as far as there are others
A_PAGE = 30  # pictures of the gallery shown at once
_TAKEN, _REFUSED = "picker.taken", "picker.refused"
FILE_TYPES = [
    *["png", "jpg", "jpeg", "jpe", "jfif", "jpg_large", "webp", "bmp", "tif", "tiff", "gif"],
    *["dcm", "dicom", "heic", "heif"],
    *["svg", "avif"],  # not read, but let through: the decoder says why, where a browser would only refuse
]


def chosen_picture(head: Head, pin: bool = True) -> ModelInput:
    """The picker under the page's question, the picture and what the networks see of it beside; returns that picture.

    Args:
        head: the top of the page.
        pin: whether the picture stays in sight on a narrow screen.

    Raises:
        InputError: it can't be used.
    """
    cookie = st.container(key="cookie")  # always there: what comes and goes would close what is open below it
    if session.now().image.startswith(UPLOAD):
        with cookie:
            visitors.introduce()
    with head.question:
        picture_picker(cookie)
    choice = session.now()  # the picker may just have taken a file
    shown = pictures.chosen(choice)
    with head.picture:
        picture(task_named(choice.task), shown)
        window_picker(shown)
    if _REFUSED in st.session_state:
        _say_refusal(shown)
    if pin:
        pinned(shown)
    return shown


def picture_picker(cookie: DeltaGenerator) -> None:
    """Choose the picture: gallery, file or camera. A file that can't be used leaves the choice as it was.

    Who brings a picture gets a name in `cookie`, by which a reload finds it again, for them alone.
    """
    image = session.now().image
    items = list(pictures.listed(session.now().task).values())
    place = st.container(horizontal=True, wrap=False, gap="xsmall", key="gallery-row")
    _thumbnails(place, row_of(items, image))
    with st.container(horizontal=True, gap="small", key="picture-from"):
        if len(items) > ROW:
            st.button(f"All {len(items)}…", key="picker.more", icon=":material/grid_view:", on_click=_open_gallery)
        with st.popover("Yours", icon=":material/upload:"), guard():
            _own(cookie)
        with st.popover("Fit", icon=":material/crop:"):
            fit_picker()
    if st.session_state.get("picker.open"):
        _gallery()


def row_of(items: Sequence[GalleryItem], image: str) -> list[GalleryItem]:
    """The gallery's first, at most `OF_A_KIND` of a kind where there are others; the chosen one is among them."""
    kinds = list(dict.fromkeys(item.key.partition(":")[0] for item in items))
    first = [
        item
        for kind in kinds
        for item in islice((item for item in items if item.key.startswith(f"{kind}:")), OF_A_KIND)
    ]
    row = first[:ROW] + [item for item in items if item not in first][: max(0, ROW - len(first))]
    chosen = [item for item in items if item.key == image and item not in row]
    return [*chosen, *row[: ROW - len(chosen)]]


def _own(cookie: DeltaGenerator) -> None:
    """A file or a photo of the visitor's own."""
    source = st.segmented_control(
        "Picture from", ["Upload", "Camera"], default="Upload", required=True, key="picker.source",
        label_visibility="collapsed", width="stretch",
    )  # fmt: skip
    if source == "Camera":
        _take(st.camera_input("Take a photo", key="picker.camera"), cookie)
        return
    formats, limit = "PNG, JPEG, WebP, BMP, TIFF, GIF, DICOM or HEIC", MAX_BYTES // 1_000_000
    with st.container(key="picker-file"):
        file = st.file_uploader(formats, FILE_TYPES, key="picker.upload", max_upload_size=limit)
    paste_into("picker-file", MAX_BYTES)
    _take(file, cookie)
    if _REFUSED in st.session_state:  # here, too: this box lies over the sentence below it
        st.caption(_refusal())


def _take(file: UploadedFile | None, cookie: DeltaGenerator) -> None:
    """Choose an uploaded picture once: a file that stays in its box must not win over a later gallery choice."""
    if file is None:
        st.session_state.pop(_TAKEN, None)
        st.session_state.pop(_REFUSED, None)
        return
    if st.session_state.get(_TAKEN) == file.file_id:
        return
    st.session_state[_TAKEN] = file.file_id
    if not session.now().image.startswith(UPLOAD):
        with cookie:
            visitors.introduce()
    try:
        key = pictures.keep_upload(file.getvalue(), file.name)
    except InputError as error:
        st.session_state[_REFUSED] = (shorten(file.name), str(error))
        return
    st.session_state.pop(_REFUSED, None)
    session.set_field("image", key)


def _refusal() -> str:
    """Which file was not taken, and why, in Markdown."""
    name, reason = st.session_state[_REFUSED]
    return f"**{escape_markdown(name)}** was refused. {escape_markdown(reason)}"


def _say_refusal(shown: ModelInput) -> None:
    """Why a file was not taken; what is below belongs to another picture, and stays dimmed until that is accepted."""
    st.error(_refusal(), icon=":material/error:")
    st.button(
        f"Go on with {escape_markdown(shown.title)}", key="picker.accept", icon=":material/undo:",
        on_click=st.session_state.pop, args=(_REFUSED, None),
    )  # fmt: skip
    st.html('<div class="rs-refused"></div>')


def _open_gallery() -> None:
    st.session_state["picker.open"] = True


def _close_gallery() -> None:
    st.session_state["picker.open"] = False


def _choose(key: str) -> None:
    _close_gallery()
    st.session_state.pop(_REFUSED, None)
    session.set_field("image", key)


@st.dialog("Which picture?", width="large", on_dismiss=_close_gallery)
def _gallery() -> None:
    """The whole gallery: by class and by name, a page at a time."""
    task = session.now().task
    items = [*pictures.opened(task), *pictures.items(task).values()]
    names = task_named(task).class_names
    like = st.text_input("Name contains", key="picker.like").casefold()
    shown = sorted({item.label for item in items if item.label is not None})
    label = st.pills("Of the class", [names[each] for each in shown], key=f"picker.class.{task}") if shown else None
    wanted = [
        item for item in items if like in item.title.casefold() and (label is None or item.label == names.index(label))
    ]
    pages = -(-len(wanted) // A_PAGE)
    place = st.container(horizontal=True, gap="small", key="gallery-all")
    page = st.pagination(pages, key=f"picker.page.{task}") if pages > 1 else 1
    _thumbnails(place, wanted[(page - 1) * A_PAGE : page * A_PAGE], "all-")
    if not wanted:
        st.caption("No picture of that name and class.")
    if pictures.data_there(task) and most_tests(task_named(task)) > TEST_IMAGES_OFFERED:
        st.caption(
            f"Of the test images the first {TEST_IMAGES_OFFERED} stand here, before them those that you opened from "
            "further on: the page Find searches all."
        )


def _thumbnails(place: DeltaGenerator, items: Sequence[GalleryItem], mark: str = "") -> None:
    """A button a picture, which shows it; the chosen one is ringed."""
    choice, rules = session.now(), []
    for item in items:
        key = f"{mark}pick-" + re.sub(r"[^a-z0-9]+", "-", item.key)
        png = base64.b64encode(pictures.thumbnail(choice.task, item.key)).decode()
        ring = "box-shadow: 0 0 0 3px var(--rs-ring);" if item.key == choice.image else ""
        rules.append(f".st-key-{key} button {{ background-image: url(data:image/png;base64,{png}); {ring} }}")
        place.button(item.title, key=key, on_click=_choose, args=(item.key,), help=f"{item.title}: {item.source}")
    ring_colour = st.get_option("theme.light.primaryColor") or "#0B6A70"
    place.html(_AsItIs(f"<style>:root {{ --rs-ring: {ring_colour}; }} {' '.join(rules)}</style>"))


class _AsItIs(str):
    """HTML that Streamlit takes as it is: a string it searches for indentation, through all bytes of the pictures."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)
