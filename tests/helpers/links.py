"""What tests of links share: a value that a page can't take."""

from app.state.choice import Choice, Options
from app.state.page_choice import PageChoice


def refused(kind: type[PageChoice], name: str, value: str, choice: Choice, options: Options) -> PageChoice:
    """What stands in the value's place; one sentence names the parameter and does not repeat what came with it."""
    part, notes = kind.read({name: value}, choice, options)
    assert len(notes) == 1 and f"`{name}`" in notes[0] and value[:9] not in notes[0].replace(f"`{name}`", "")
    return part
