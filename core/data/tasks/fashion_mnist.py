"""Fashion-MNIST: grey garments."""

from core.data.tasks.task import Task

FASHION_MNIST = Task(
    key="fashion-mnist",
    title="Fashion-MNIST",
    class_names=(
        "T-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
    shape=(1, 28, 28),
    background=0.0,
    mean=(0.2860,),
    std=(0.3530,),
    radii={"linf": 0.1, "l2": 1.5},
    source="Fashion-MNIST, Xiao et al. 2017 (MIT licence): 70,000 grey garments, 28x28 pixels, ten classes.",
    reader="core.data.fashion_mnist",
)
