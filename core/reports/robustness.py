"""The report `robustness`: each network of a task under several attacks, and what would betray a masked one.

Rows, one per model and norm (shares in [0, 1]; a figure `f` comes with `f_low`, `f_high` at 95 % and `f_n` images):

- `model`, `sha256` of its weights, `norm`, `epsilon` (the task's radius);
- `clean`: accuracy on clean images;
- `pgd`, `pgd_double`: accuracy under PGD at epsilon, and at twice epsilon;
- `apgd`: accuracy under APGD on cross-entropy followed by targeted APGD-DLR at epsilon;
- `single_step`: accuracy under one gradient step of length epsilon;
- `far`: accuracy under PGD at `far_epsilon`, where every image can be made plain grey;
- `zero_gradient`: share of images whose input gradient is numerically zero;
- `transfer`, `transfer_source`: the lowest accuracy on the PGD images of another model, and that model; null and ""
  where the report has no other;
- `cost`: time of an epoch over that of the standard recipe; null where the recipe is not known;
- `masking`: the flags raised, joined by commas (see `core.reports.masking`); "" for none.

Arrays, in the data set's order of images (n is 1,000 for some models and 300 for others: take the array's length):

- `grid_<norm>` float32 (m,): the radii of the curves;
- `smallest_<norm>__<model>` float32 (n,): the smallest radius of the grid at which PGD broke the image; 0 where it was
  wrong when clean, inf where it never broke;
- `standing_apgd_<norm>__<model>` bool (n,): right under APGD at epsilon;
- `standing_single_step_<norm>__<model>` bool (n,): right under a single step;
- `standing_far_<norm>__<model>` bool (n,): right under PGD at `far_epsilon`;
- `log_probability__<model>` float32 (n,): of the true label, on the clean image, in nats;
- `gradient_norm__<model>`, `gradient_norm_other__<model>` float32 (n,): L2 norm of the input gradient of cross-entropy
  with the true label, and with the next one;
- `transfer_<norm>__<source>__<model>` bool (n,): the model is right on the image that PGD made against the source.
"""

from dataclasses import dataclass
from pathlib import Path

from core.reports.report import ASSETS, Arrays, Report, read_arrays, read_report, report_path

NAME = "robustness"


@dataclass(frozen=True, slots=True)
class Robustness:
    """The report with its arrays per image; the module's text says what is in both."""

    report: Report
    arrays: Arrays


def read_robustness(task: str, folder: Path = ASSETS) -> Robustness:
    """The report of a task, by the task's key.

    Raises:
        InputError: the report or its arrays are missing or damaged.
    """
    path = report_path(task, NAME, folder)
    return Robustness(read_report(path), read_arrays(path.with_suffix(".npz")))
