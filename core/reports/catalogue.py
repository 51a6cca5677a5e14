"""The reports that can be asked for by name. Light: what makes a report is imported when it is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from core.errors import ConfigError

if TYPE_CHECKING:
    from core.reports.form.command import Command


@dataclass(frozen=True, slots=True)
class ReportEntry:
    """One report.

    Attributes:
        title: what it says, in a line.
        module: where its `COMMAND` is.
    """

    title: str
    module: str


def _ours(key: str, title: str) -> tuple[str, ReportEntry]:
    return key, ReportEntry(title, f"core.reports.commands.{key}")


REPORTS: Mapping[str, ReportEntry] = dict(
    (
        _ours("accuracy", "Accuracy on clean and attacked test images"),
        _ours("robustness", "Every attack on every network, and what would betray a masked one"),
        _ours("adversarial", "The size of the change that breaks each network, and the area under its curve"),
        _ours("answers", "What networks answer to test images, clean and attacked: by class, and how sure"),
        _ours("anomaly", "How well each detector tells unfamiliar and attacked pictures from normal ones"),
        _ours("explanations", "Whether attacks draw the class that they aim at"),
        _ours("fooling", "Heat maps led astray while the answer is kept"),
        _ours("generator", "What a generator rebuilds and draws"),
        _ours("latent", "Latent space performance metrics"),
        _ours("natural", "Answers that stand natural changes: turned, darkened, blurred, covered, compressed"),
        _ours("saliency", "How far saliency maps agree, and how they do on each measure"),
        _ours("seeds", "How much of a comparison is the recipe, and how much the seed of a training"),
        _ours("student", "Small attacks on a network that learned without labels, and on its teacher"),
        _ours("transfer", "Images made against one network, shown to another"),
    )
)
"""By the name that the report's file has."""

DEFAULT = "accuracy"


def command_of(key: str) -> "Command[Any]":
    """How the command line makes a report.

    Raises:
        ConfigError: there is no such report.
    """
    if key not in REPORTS:
        raise ConfigError(f"report must be one of {', '.join(REPORTS)}; got {key!r}")
    command: Command[Any] = import_module(REPORTS[key].module).COMMAND
    return command
