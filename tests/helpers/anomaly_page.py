"""What tests of the page Anomaly share: pictures to upload, and the verdicts that it shows."""

from streamlit.testing.v1 import AppTest

from tests.helpers.pages import bodies, value
from tests.helpers.pictures import columns, png


def normal(index: int) -> bytes:
    """A picture such as those that the networks were calibrated on."""
    return png(columns(index + 1, 9, "cifar10").pixels[index].permute(1, 2, 0).numpy())


def judged(at: AppTest) -> dict[str, tuple[float, bool]]:
    """By network the p-value and whether it is flagged."""
    found = bodies(at, "data-judged")
    return {
        value(body, "data-judged"): (float(value(body, "data-p")), "True" in value(body, "data-flagged"))
        for body in found
    }
