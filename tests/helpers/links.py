"""What tests of links share: links that were stored long ago, and a value that a page can't take."""

import json
from pathlib import Path

from app.state.choice import Choice, Options
from app.state.page_choice import PageChoice

STORED = json.loads((Path(__file__).parents[1] / "app/state/stored_links.json").read_text(encoding="utf-8"))
OPTIONS = Options({task: tuple(keys) for task, keys in STORED["models"].items()}, STORED["images"])


def refused(kind: type[PageChoice], name: str, value: str, choice: Choice, options: Options) -> PageChoice:
    """What stands in the value's place; one sentence names the parameter and does not repeat what came with it."""
    part, notes = kind.read({name: value}, choice, options)
    assert len(notes) == 1 and f"`{name}`" in notes[0] and value[:9] not in notes[0].replace(f"`{name}`", "")
    return part
