"""Twenty classes of Tiny ImageNet, with boxes."""

from core.data.tasks.task import Task

TINY20 = Task(
    key="tiny20",
    title="Tiny ImageNet, 20 classes",
    class_names=(
        "goldfish",
        "bullfrog",
        "American alligator",
        "goose",
        "king penguin",
        "black stork",
        "brown bear",
        "monarch",
        "ladybug",
        "bison",
        "Arabian camel",
        "African elephant",
        "jellyfish",
        "school bus",
        "tractor",
        "umbrella",
        "barn",
        "beacon",
        "lemon",
        "banana",
    ),
    shape=(3, 32, 32),
    mean=(0.4682, 0.4542, 0.3879),
    std=(0.2579, 0.2441, 0.2671),
    val_size=500,
    calibration_size=500,
    source="Twenty classes of Tiny ImageNet (ImageNet terms, research only), one bounding box a picture, "
    "resized from 64x64 to 32x32 pixels: 10,000 pictures to train on and, from its validation set, 1,000 to test on.",
    reader="core.data.tiny20",
    annotation="box",
)
