"""The shared choice in the session and in the address bar; the one place that touches query parameters.

`bind="query-params"` on the widgets would do most of this, but it drops what it can't use without a word, and can't say
that a link was made with an uploaded picture; and the picture is chosen by buttons, which it can't bind.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from app.state import guides, openings, pictures, zoo
from app.state.choice import Choice, Options, change, read, within
from app.state.page_choice import Beside, PageChoice

_CHOICE, _SEEN, _NOTES, _PAGE, _PART = "choice.now", "choice.seen", "choice.notes", "choice.page", "choice.part"
_FIRST, _OPEN, _HELD, _PASSED = "choice.first", "choice.open", "choice.held", "choice.passed"
_OWED, _GUIDED = "choice.owed", "choice.guided"

Part = TypeVar("Part", bound=PageChoice)


def options() -> Options:
    """What can be chosen on this server now.

    Raises:
        InputError: a card of the zoo is damaged.
    """
    here = models()
    return Options(
        here,
        {task: pictures.items(task).keys() for task in here},
        openings.pictures_of([*here], st.session_state.get(_PAGE, "")),
        pictures.latest_upload(),
    )


def models() -> dict[str, tuple[str, ...]]:
    """Keys of the networks that can be chosen now, by task.

    Raises:
        InputError: a card of the zoo is damaged.
    """
    return {task: tuple(cards) for task in zoo.tasks() if (cards := zoo.cards_of(task))}


def start(page: str = "compare", kind: type[PageChoice] | None = None) -> Choice:
    """The choice of this session; read from the address where that is new: a visit, a link, the back button.

    A click in the navigation empties the address; the choice goes on to the next page, and back into the address where
    it stood in it before. The back button comes by that empty address once more, and takes nothing away there; it stays
    empty then, for what is written there would be one more step to go back over, for ever.

    Args:
        page: which page starts.
        kind: the page's own part of the choice, where it has one.
    """
    query = st.query_params.to_dict()
    turned, passed = st.session_state.get(_PAGE, page) != page, st.session_state.get(_PASSED, ())
    came = _CHOICE in st.session_state and not query and (turned or page in passed)
    _turn_to(page)
    here = options()
    if not came and (_CHOICE not in st.session_state or query != st.session_state[_SEEN]):
        st.session_state[_CHOICE], st.session_state[_NOTES] = read(query, here)
        st.session_state[_SEEN] = query
        st.session_state.pop(_page_choice_key(), None)
        st.session_state[_open_key()] = _names(query.get("open", ""))
    st.session_state[_CHOICE] = within(now(), here)
    if kind is not None and not isinstance(_part(), kind):
        part, notes = kind.read(query, now(), here)
        said = query.keys() - {"task"}  # a link that names a task alone is a first visit there
        st.session_state[_page_choice_key()] = part if said else kind.opening(Beside(now(), here))
        st.session_state[_NOTES] = [*st.session_state[_NOTES], *notes]
    _settle(here)
    if came:
        st.session_state[_NOTES] = []
        if turned and (st.session_state[_SEEN] or passed):
            st.session_state[_PASSED], st.session_state[_OWED] = tuple({*passed, page}), True
        st.session_state[_SEEN] = query
    return now()


def fill_address() -> None:
    """Bring the choice back into the address that a click in the navigation has emptied.

    The browser writes it behind whatever page it is at, and at the next one it is only once it has drawn some of it: a
    page asks for this at its end.
    """
    if st.session_state.pop(_OWED, False):
        _write()


def aside(page: str) -> None:
    """A page is open that has no part in the choice, which waits for the next one that does."""
    _turn_to(page)


def _turn_to(page: str) -> None:
    """Note which page is open, and whether this visitor sees it for the first time."""
    if st.session_state.get(_PAGE) == page and _FIRST in st.session_state:
        return
    st.session_state[_PAGE] = page
    seen = (*st.session_state.get(_GUIDED, ()), *guides.pages_in(st.context.cookies.get(guides.COOKIE)))
    st.session_state[_FIRST] = page not in seen
    st.session_state[_GUIDED] = tuple({*seen, page})


def page() -> str:
    """Which page is open, as it is called in links."""
    return st.session_state.get(_PAGE, "")


def first_time() -> bool:
    """Whether this visitor sees the page that is open for the first time."""
    return st.session_state.get(_FIRST, True)


def now() -> Choice:
    """The choice as it stands; `start` ran before."""
    return st.session_state[_CHOICE]


def notes() -> list[str]:
    """What the link asked for and could not have, in sentences; gone with the first change."""
    return st.session_state[_NOTES]


def page_choice(kind: type[Part]) -> Part:
    """The page's own part of the choice; `start` ran before with its kind."""
    part = _part()
    if not isinstance(part, kind):
        raise TypeError(f"this page's part of the choice is {type(part).__name__}, no {kind.__name__}")
    return part


def _part() -> PageChoice | None:
    """The part of the page that is open; None where it has none."""
    return st.session_state.get(_page_choice_key())


def set_field(field: str, value: Any) -> None:
    """Change one field of the choice, or of the page's part, and bring the address in line.

    An impossible value changes nothing.
    """
    set_fields({field: value})


def set_fields(values: Mapping[str, Any], unfolded: str = "") -> None:
    """Change fields as `set_field` does, one after the other, by one step of the browser's history.

    Args:
        values: by field.
        unfolded: a part of the page that is unfolded with that.
    """
    before, here = _query(), options()
    for field, value in values.items():
        if field in Choice.__dataclass_fields__:
            st.session_state[_CHOICE] = change(now(), field, value, here)
            _settle(here)
        elif (part := _part()) is not None:
            st.session_state[_page_choice_key()] = part.change(field, value, now(), here)
    if unfolded:
        st.session_state[_open_key()] = tuple(dict.fromkeys((*unfolded_sections(), unfolded)))
    if _query() != before:
        st.session_state[_NOTES] = []
        _write()


def _settle(here: Options) -> None:
    """Bring the page's part in line with the choice."""
    if (part := _part()) is not None:
        st.session_state[_page_choice_key()] = part.within(now(), here)


def _write() -> None:
    """Bring the address in line."""
    st.session_state[_SEEN] = _query()
    st.query_params.from_dict(_query())


def _query() -> dict[str, str]:
    """The query parameters of this view, whole."""
    part = _part()
    unfolded = {"open": ",".join(unfolded_sections())} if unfolded_sections() else {}
    return now().to_query() | (part.to_query(now()) if part is not None else {}) | unfolded


def _page_choice_key() -> str:
    return f"{_PART}.{st.session_state[_PAGE]}"


def hold(key: str, value: Any) -> None:
    """Make the widget of this key show a value; set without need, it would pull a slider back under the hand.

    Of each page the browser has a widget of its own, which is empty until its value was set there.
    """
    held = st.session_state.setdefault(_HELD, {})
    if st.session_state.get(key) != value or held.get(key) != page():
        st.session_state[key] = value
    held[key] = page()


def unfolded_sections() -> tuple[str, ...]:
    """The parts of the page that the visitor, or the link, has unfolded."""
    return st.session_state.get(_open_key(), ())


def fold(key: str) -> dict[str, Any]:
    """Keyword arguments that make an expander the part `key` of the page, which is unfolded where a link says so."""
    name, unfolded = f"section-{key}", key in unfolded_sections()
    if st.session_state.get(name) != unfolded:
        st.session_state[name] = unfolded
    return {"key": name, "on_change": _turn, "args": (key,)}


def _turn(key: str) -> None:
    """A part of the page was folded or unfolded."""
    others = tuple(name for name in unfolded_sections() if name != key)
    st.session_state[_open_key()] = others if key in unfolded_sections() else (*others, key)
    _write()


def _names(text: str) -> tuple[str, ...]:
    """The names in a text from anyone: at most 20."""
    return tuple(dict.fromkeys(name for name in text[:400].split(",") if re.fullmatch("[a-z]{1,20}", name)))[:20]


def _open_key() -> str:
    return f"{_OPEN}.{st.session_state[_PAGE]}"


def binding(field: str, key: str) -> dict[str, Any]:
    """Keyword arguments that make a widget show `field` and change it: its key, and a callback."""
    hold(key, _shown(field))
    return {"key": key, "on_change": _take, "args": (field, key)}


def _shown(field: str) -> Any:
    value = getattr(now() if field in Choice.__dataclass_fields__ else _part(), field)
    if field == "strength" and now().norm == "linf":
        return int(value)  # a slider's value must have the type of its bounds
    several = isinstance(value, tuple) and all(isinstance(one, str) for one in value)  # a slider's range is a tuple
    return list(value) if several else value


def _take(field: str, key: str) -> None:
    set_field(field, st.session_state[key])


def link_to(page: str) -> str:
    """The address of another page with the shared choice, without the page's own part."""
    here = urlsplit(st.context.url or "")
    path = f"{here.path.rpartition('/')[0]}/{page}"
    return urlunsplit(here._replace(path=path, query=urlencode(now().to_query(), safe=":,"), fragment=""))


def link(more: Mapping[str, str] = MappingProxyType({})) -> str:
    """The address of this view, whole, with further query parameters."""
    here = urlsplit(st.context.url or "")
    return urlunsplit(here._replace(query=urlencode(_query() | dict(more), safe=":,"), fragment=""))
