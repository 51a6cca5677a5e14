"""The plans of the generators that ship, and of the plain design they are held against."""

from collections.abc import Mapping
from dataclasses import replace

from core.data.tasks import CIFAR10, FASHION_MNIST
from core.errors import ConfigError
from core.latent.network import AutoencoderConfig
from core.training.autoencoder.plan import PACKAGED, AutoencoderPlan, AutoencoderRecipe

DESIGN, PLAIN = "vae-gan", "vae"
"""Names of the design that ships, and of the plain one it was compared with."""

_SHIPPED = (
    AutoencoderPlan(
        FASHION_MNIST.key,
        AutoencoderRecipe(divergence=10.0, features=5.0, critic=1.0, agreement=0.3, polish=3.0),
        AutoencoderConfig(10, FASHION_MNIST.shape, 64, (96, 48, 8)),
        steps=6000,
        polish=1200,
        warm_up=200,
        learning_rate=6e-4,
        critic_rate=6e-4,
    ),
    AutoencoderPlan(
        CIFAR10.key,
        AutoencoderRecipe(
            divergence=2.0,
            features=2.0,
            critic=0.3,
            polish=2.0,
            polish_deviation=0.03,
            samples=False,
            classifier=PACKAGED,
        ),
        AutoencoderConfig(10, CIFAR10.shape, 128, (128, 96, 32), depth=2, flow=512),
        steps=4500,
        flow_steps=8000,
        polish=2000,
        warm_up=300,
        learning_rate=6e-4,
        critic_rate=6e-4,
        flip=True,
    ),
)


def _plain(plan: AutoencoderPlan) -> AutoencoderPlan:
    """The same networks and pictures, and what is left of the loss without a classifier and without a critic."""
    recipe = replace(plan.recipe, features=0.0, critic=0.0, agreement=0.0, polish=0.0)
    return replace(plan, recipe=recipe, polish=0, warm_up=0)


AUTOENCODERS: Mapping[tuple[str, str], AutoencoderPlan] = {
    (plan.task, design): plan if design == DESIGN else _plain(plan) for plan in _SHIPPED for design in (DESIGN, PLAIN)
}
"""By task and design; both have the same networks, pictures a step and, but for the polish, steps."""


NOTES: Mapping[str, str] = {
    FASHION_MNIST.key: (
        "The plain conditional VAE with the same networks, pictures and steps rebuilds a little closer pixel by pixel "
        "(squared error 0.0098 against 0.0106), but its samples are blurred: `standard` recognises 68 % of them "
        "against 98 %, their kernel distance in its features is 0.25 against 0.03, and the variance of a class is 0.52 "
        "to 0.67 of the data's against 0.72 to 0.94 (10,000 test images; report `generator-vae`)."
    ),
    CIFAR10.key: (
        "It knows the class that it draws, and was polished until EfficientNet-Lite0 saw that class in its samples: "
        "`standard` recognises 91 % of them, and of rebuilt test images 93 %, against 92 % of the images themselves "
        "(10,000 each). So latent figures begin at pictures that show their class a little plainer than photographs "
        "do. Robust networks see less of it: `pgd-linf` recognises 66 % of the samples. These vary less than images: "
        "the variance of a class is 0.65 to 0.74 of the data's."
    ),
}
"""What a card must say besides, by task."""


def autoencoder_plan(task: str, design: str = DESIGN) -> AutoencoderPlan:
    """The plan of a design for a task.

    Raises:
        ConfigError: there is none.
    """
    if (task, design) not in AUTOENCODERS:
        known = ", ".join(f"{design} for {task}" for task, design in AUTOENCODERS)
        raise ConfigError(f"generators are {known}; got {design} for {task}")
    return AUTOENCODERS[task, design]
