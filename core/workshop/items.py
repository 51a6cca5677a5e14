"""What a round may ask: pictures to look at and the answers offered, with what the participant must not see beside."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Form = Literal["picture", "map"]


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture on a phone.

    Attributes:
        digest: of its PNG, which the database has.
        form: "picture" as the networks see it, or a signed "map": grey levels, 128 is 0.
        caption: a short word for people; "" where it would give something away.
    """

    digest: str
    form: Form = "picture"
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """One answer that can be given.

    Attributes:
        value: what is stored.
        label: what the button says; "" for a letter.
    """

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to judge.

    Attributes:
        subject: number of the picture that it is about; the same under every condition.
        condition: which network or change is behind it. Participants never see it before the reveal.
        truth: the value that is right; "" where none is.
        prompt: the question.
        pictures: what is shown.
        options: what can be answered.
        facts: what networks and detectors said of it, for the reveal.
    """

    subject: int
    condition: str
    truth: str
    prompt: str
    pictures: tuple[Picture, ...]
    options: tuple[Option, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Item":
        """From plain values that `to_json` made."""
        return cls(
            **{key: values[key] for key in ("subject", "condition", "truth", "prompt", "facts")},
            pictures=tuple(Picture(**each) for each in values["pictures"]),
            options=tuple(Option(**each) for each in values["options"]),
        )
