"""The table of the report `latent`: each figure under a head that says what it is."""

from app.latent.figures import Figure
from app.latent.report import ACROSS, table


def test_the_smallest_change_of_pixels_is_a_root_mean_square():
    """As the axis of the same figure says; the L2 norm of a CIFAR-10 picture's change is 55 times that."""
    shown = table({"standard": {"severity-l2": Figure(0.01, 0.009, 0.011, 200)}}, {"standard": []}, "generation")
    assert "(RMSE)" in ACROSS["severity-l2"].title
    assert "<th>Smallest change of pixels (RMSE)</th>" in shown and "(L2)" not in shown and "<b>0.010</b>" in shown
