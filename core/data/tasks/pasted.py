"""Garments pasted on photographs, with masks."""

from core.data.tasks.fashion_mnist import FASHION_MNIST
from core.data.tasks.task import Task

PASTED = Task(
    key="pasted",
    title="Garments on photos",
    class_names=FASHION_MNIST.class_names,
    shape=(3, 32, 32),
    mean=(0.4690, 0.4662, 0.4405),
    std=(0.2455, 0.2428, 0.2555),
    source="Fashion-MNIST garments, tinted, pasted on CIFAR-10 photographs, 32x32 pixels, with their exact masks; "
    "made from the two sets by a fixed seed, 60,000 pictures to train on and 10,000 to test on.",
    reader="core.data.pasted",
    annotation="mask",
)
