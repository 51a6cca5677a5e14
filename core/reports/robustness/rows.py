"""The rows of the report `robustness`, from its arrays."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.data.tasks import Task
from core.norms import Norm
from core.reports.form.masking import Evidence, best_source, masking_flags, zero_gradients
from core.reports.form.report import Arrays, Row, share
from core.reports.robustness.measurements import far_epsilon


def row(task: Task, labels: Tensor, key: str, norm: Norm, facts: Row, arrays: Arrays) -> Row:
    """The row of a network and norm.

    Args:
        task: what the network solves.
        labels: of the test images (N,), at least as many as the arrays tell of.
        key: the network's.
        norm: of the attacks.
        facts: what the arrays do not tell: checksum, clean accuracy, cost.
        arrays: of the report.
    """
    epsilon = np.float32(task.radii[norm])
    smallest = arrays[f"smallest_{norm}__{key}"]
    evidence = _evidence(labels, key, norm, smallest > epsilon, arrays)
    source = best_source(evidence.transfer)
    return {
        "model": key,
        "norm": norm,
        "epsilon": task.radii[norm],
        **facts,
        **_standing("pgd", evidence.pgd),
        **_standing("pgd_double", smallest > 2 * epsilon),
        **_standing("apgd", arrays[f"standing_apgd_{norm}__{key}"]),
        **_standing("single_step", evidence.single_step),
        "far_epsilon": far_epsilon(task, norm),
        **_standing("far", evidence.far),
        **_standing("zero_gradient", zero_gradients(evidence.gradient_norm)),
        **(_standing("transfer", evidence.transfer[source]) if source else {"transfer": None}),
        "transfer_source": source,
        "masking": ",".join(masking_flags(evidence)),
    }


def _evidence(labels: Tensor, key: str, norm: Norm, pgd: NDArray[np.bool_], arrays: Arrays) -> Evidence:
    """What the flags rest on."""
    first, last = f"transfer_{norm}__", f"__{key}"
    transfer = {
        name.removeprefix(first).removesuffix(last): arrays[name]
        for name in sorted(arrays)
        if name.startswith(first) and name.endswith(last)
    }
    return Evidence(
        pgd,
        arrays[f"standing_single_step_{norm}__{key}"],
        arrays[f"standing_far_{norm}__{key}"],
        int(labels[: len(pgd)].bincount().max()) / len(pgd),
        arrays[f"gradient_norm__{key}"],
        transfer,
    )


def _standing(name: str, which: NDArray[np.bool_]) -> Row:
    return share(name, int(which.sum()), len(which))
