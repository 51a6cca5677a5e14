"""The values that a link carries, as one table: how each is read, checked, changed and written.

A view is a frozen dataclass; a table has one `QueryField` for each value of it that a link or a widget sets. What is
possible may depend on the view as it stands, and on a context that the view's owner defines, such as the networks here.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

View = TypeVar("View", bound="DataclassInstance")
Context = TypeVar("Context")
Value = TypeVar("Value")

Check = Callable[[Any, View, Context], bool]
"""Whether a value from anyone is possible, beside a view and its context."""


def matching(pattern: str, convert: Callable[[str], Value]) -> Callable[[str], Value | None]:
    """A parser of texts that are all of a pattern; None for any other text, so that no text raises."""
    return lambda text: convert(text) if re.fullmatch(pattern, text, re.ASCII) else None


WHOLE = matching(r"\d{1,4}", int)
DECIMAL = matching(r"\d(\.\d{1,6})?", float)


def keys(text: str) -> tuple[str, ...]:
    """The keys of a list, which no link of ours makes longer than 2,000 letters."""
    return tuple(text[:2000].split(","))


def as_text(value: object) -> str:
    """A value in a link: numbers short, yes or no, and lists with commas."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return ",".join(map(as_text, value)) if isinstance(value, tuple) else str(value)


@dataclass(frozen=True, slots=True)
class QueryField(Generic[View, Context]):
    """One value of a view.

    Attributes:
        name: the query parameter; "" for a value that widgets alone set.
        field: the attribute of the view.
        parse: the value that a link's text means; None for a text that means none. It never raises.
        allowed: whether a value is possible.
        rule: what stands after "The link's `name` " where a value had to be replaced; may ask view, context and text.
        instead: what goes on behind it, to say what is shown in its place.
        clean: the value as it is held, such as the nearest on a slider.
        put: the view with the value and what that brings along; the field alone where there is none.
        held: the value of a view; the attribute where there is none.
        text: a value in a link; "" leaves it out.
        written: whether a link to a view holds the value.
    """

    name: str
    field: str
    parse: Callable[[str], Any]
    allowed: Check[View, Context]
    rule: str | Callable[[View, Context, str], str]
    instead: str = "; the usual one is used."
    clean: Callable[[Any, View, Context], Any] = lambda value, view, context: value
    put: Callable[[View, Any, Context], View] | None = None
    held: Callable[[View], Any] | None = None
    text: Callable[[Any], str] = as_text
    written: Callable[[View], bool] = lambda view: True

    def of(self, view: View) -> Any:
        """The value that a view holds."""
        return self.held(view) if self.held else getattr(view, self.field)

    def changed(self, view: View, value: Any, context: Context) -> View:
        """The view with a value from anyone; unchanged where it is not possible."""
        if not self.allowed(value, view, context):
            return view
        value = self.clean(value, view, context)
        fields: dict[str, Any] = {self.field: value}
        return self.put(view, value, context) if self.put else replace(view, **fields)

    def note(self, view: View, context: Context, text: str) -> str:
        """The sentence for a text of a link that had to be replaced; it never repeats the text."""
        rule = self.rule if isinstance(self.rule, str) else self.rule(view, context, text)
        return f"The link's `{self.name}` {rule}{self.instead}"


Table = Sequence[QueryField[View, Context]]


def read(
    table: Table[View, Context],
    view: View,
    query: Mapping[str, str],
    context: Context,
    settle: Callable[[View], View] = lambda view: view,
) -> tuple[View, list[str]]:
    """What a view becomes by query parameters from anyone, and a sentence for each value that had to be replaced.

    Args:
        table: the values in the order in which they are read: what another depends on comes first.
        view: of a visit without parameters.
        query: the parameters; unknown ones are nobody's business.
        context: what values are judged beside.
        settle: brings a view in line after each value.
    """
    notes = []
    for field in table:
        if field.name and field.name in query:
            value = field.parse(query[field.name])
            if value is not None:
                view = settle(field.changed(view, value, context))
            if value is None or field.of(view) != field.clean(value, view, context):
                notes.append(field.note(view, context, query[field.name]))
    return view, notes


def change(table: Table[View, Context], view: View, name: str, value: Any, context: Context) -> View:
    """The view with one field changed; unchanged where the value, which may come from anyone, is not possible."""
    return next(field for field in table if field.field == name).changed(view, value, context)


def to_query(table: Table[View, Context], view: View, usual: View | None = None) -> dict[str, str]:
    """The query parameters of a link to a view; what is as in the `usual` one is left out."""
    return {
        field.name: text
        for field in table
        if field.name and field.written(view) and (usual is None or field.of(view) != field.of(usual))
        if (text := field.text(field.of(view)))
    }


Bound = float | Callable[[View, Context], float]


def one_of(known: Collection[Any] | Callable[[View, Context], Collection[Any]]) -> Check[View, Context]:
    """Whether a value is a known one."""
    return lambda value, view, context: _among(value, known(view, context) if callable(known) else known)


def _among(value: Any, known: Collection[Any]) -> bool:
    """Whether a value from anyone is a known one, also of keys that a mapping has and does not list."""
    with suppress(TypeError):  # what can't be a key is none
        return value in known
    return False


def some_of(
    known: Collection[str] | Callable[[View, Context], Collection[str]], most: int | None = None, least: int = 1
) -> Check[View, Context]:
    """Whether a value is a list of known keys, each once."""

    def check(value: Any, view: View, context: Context) -> bool:
        if not isinstance(value, list | tuple) or not least <= len(value) <= (most or len(value)):
            return False
        options = known(view, context) if callable(known) else known
        return all(_among(one, options) and value.count(one) == 1 for one in value)

    return check


def whole(low: int, high: Bound[View, Context]) -> Check[View, Context]:
    """Whether a value is a whole number of a range, ends included."""
    return lambda value, view, context: isinstance(value, int) and low <= value <= _bound(high, view, context)


def between(low: float, high: Bound[View, Context]) -> Check[View, Context]:
    """Whether a value is a number of a finite range, ends included."""
    return lambda value, view, context: isinstance(value, int | float) and low <= value <= _bound(high, view, context)


def _bound(bound: Bound[View, Context], view: View, context: Context) -> float:
    return bound(view, context) if callable(bound) else bound
