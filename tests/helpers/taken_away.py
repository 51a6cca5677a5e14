"""Which figures and tables of a page stand there without their files."""

from collections.abc import Iterator
from typing import Any

from streamlit.testing.v1 import AppTest

from app.ui.chart_png import NAME as CHART_PNG

PLAYED = {f"robustscope.{name}" for name in ("player", "film", "region")}


def without_files(at: AppTest) -> list[str]:
    """The figures and tables behind which no buttons give PNG, CSV and NPZ.

    Pictures in a page's HTML may share the buttons of what they belong to, further down in the same part of the page.
    """
    return [*_without(at.main, set())]


def _without(block: Any, later: set[str]) -> Iterator[str]:
    """Those of a block; `later` are the kinds of files that are offered after it."""
    children = [block.children[at] for at in sorted(block.children)]
    offered = [_offered(child) for child in children]
    for at, child in enumerate(children):
        after = set().union(later, *offered[at + 1 :])
        wanted, shared = _wanted(child)
        there = after if shared else (offered[at + 1] if at + 1 < len(children) else set())
        if wanted - there:
            yield f"{_said(child)}: no {', '.join(sorted(wanted - there))}"
        if hasattr(child, "children"):
            yield from _without(child, set() if child.type == "expander" else after)


def _offered(node: Any) -> set[str]:
    """The kinds of files that buttons in a node give."""
    if node.type == "download_button":
        return {node.key.rsplit(".", 1)[-1]}
    if node.type == "bidi_component" and node.proto.component_name == CHART_PNG:
        return {"png"}
    return set().union(*map(_offered, node.children.values())) if hasattr(node, "children") else set()


def _wanted(node: Any) -> tuple[set[str], bool]:
    """The kinds of files that an element needs, and whether they may stand further down."""
    component = node.proto.component_name if node.type == "bidi_component" else ""
    if node.type == "plotly_chart" or component in PLAYED:
        return {"png", "csv", "npz"}, False
    body = node.proto.body if node.type == "html" else ""
    if "rs-cards" in body or 'class="ws-' in body:  # the table above has the cards' figures; a room has its report
        return set(), False
    if "<table" in body or "rs-claims" in body:
        return {"png", "csv", "npz"}, False
    return ({"png", "npz"}, True) if "<figure" in body else (set(), False)


def _said(node: Any) -> str:
    return str(getattr(node, "key", "") or node.type) + (f" {node.proto.body[:120]}" if node.type == "html" else "")
