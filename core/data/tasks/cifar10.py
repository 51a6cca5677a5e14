"""CIFAR-10: photographs of animals and vehicles."""

from core.data.tasks.task import Task

CIFAR10 = Task(
    key="cifar10",
    title="CIFAR-10",
    class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    shape=(3, 32, 32),
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2470, 0.2430, 0.2610),
    source="CIFAR-10, Krizhevsky 2009: 60,000 colour photographs of 32x32 pixels in ten classes.",
    reader="core.data.cifar10",
)
