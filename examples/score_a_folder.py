"""Score a folder of pictures: how odd is each to a network, against normal pictures?

    .venv/bin/python examples/score_a_folder.py FOLDER

Without a folder it scores the generated CIFAR-10 pictures that ship. A small p-value means that few normal pictures
look as odd; `robustscope score` does the same for any number of files, and goes on where it was stopped.
"""

import sys
from pathlib import Path

from core import Scoring, calibration_path, incoming, load_zoo_model, read_calibration, score_many

SHIPPED = Path(__file__).parents[1] / "assets" / "gallery" / "cifar10"
DETECTOR = "norms-all"


def main(folder: Path = SHIPPED) -> None:
    """Print a line a picture, the oddest first."""
    model = load_zoo_model("cifar10", "standard")
    calibration = read_calibration(model, calibration_path("cifar10", "standard"))
    found = score_many([(model, calibration)], incoming([folder]), Scoring((DETECTOR,)), most=1000)
    p_values = found.p_values["standard"][DETECTOR]
    for index in p_values.argsort():
        error = found.errors[index]
        print(f"{Path(found.paths[index]).name:20} {error or f'p = {p_values[index]:.3f}'}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
