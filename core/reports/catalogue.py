"""The reports that can be asked for by name."""

from collections.abc import Mapping
from typing import Any

from core.reports.accuracy import report
from core.reports.commands import (
    adversarial,
    anomaly,
    explanations,
    fooling,
    generator,
    latent,
    robustness,
    saliency,
    transfer,
)
from core.reports.form.command import Command

REPORTS: Mapping[str, Command[Any]] = {
    "accuracy": report.COMMAND,
    "robustness": robustness.COMMAND,
    "adversarial": adversarial.COMMAND,
    "anomaly": anomaly.COMMAND,
    "explanations": explanations.COMMAND,
    "fooling": fooling.COMMAND,
    "generator": generator.COMMAND,
    "latent": latent.COMMAND,
    "saliency": saliency.COMMAND,
    "transfer": transfer.COMMAND,
}
"""By the name that the report's file has."""
