"""The reports that can be asked for by name."""

from collections.abc import Mapping
from typing import Any

from core.reports import (
    accuracy,
    adversarial_command,
    anomaly_command,
    explanations_command,
    fooling_command,
    generator_command,
    latent_command,
    robustness_command,
    saliency_command,
    seeds,
    transfer_command,
)
from core.reports.command import Command

REPORTS: Mapping[str, Command[Any]] = {
    "accuracy": accuracy.COMMAND,
    "robustness": robustness_command.COMMAND,
    "adversarial": adversarial_command.COMMAND,
    "anomaly": anomaly_command.COMMAND,
    "explanations": explanations_command.COMMAND,
    "fooling": fooling_command.COMMAND,
    "generator": generator_command.COMMAND,
    "latent": latent_command.COMMAND,
    "saliency": saliency_command.COMMAND,
    "seeds": seeds.COMMAND,
    "transfer": transfer_command.COMMAND,
}
"""By the name that the report's file has."""
