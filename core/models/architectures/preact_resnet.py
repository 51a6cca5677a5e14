"""The project's own compact pre-activation residual network, as the catalogue has it, with and without a mirror."""

from core.models.architectures.architecture import Architecture
from core.models.fast import fast_form
from core.models.resnet import MirroredConfig, MirroredResNet, PreActResNet, ResNetConfig

PREACT_RESNET = Architecture(
    ResNetConfig.architecture, "Pre-activation ResNet",
    "The project's own residual network, small enough to be trained and attacked on two cores.",
    "He et al. 2016, arXiv:1603.05027", "MIT",
    config=ResNetConfig, build=lambda config, shape: PreActResNet(config), fast_form=fast_form,
)  # fmt: skip

MIRRORED_RESNET = Architecture(
    "mirrored-preact-resnet", "Pre-activation ResNet, mirrored",
    "The project's own residual network, which looks at a picture and at its mirror image and answers by the mean.",
    "He et al. 2016, arXiv:1603.05027; the mean over both is our own", "MIT",
    config=MirroredConfig, build=lambda config, shape: MirroredResNet(config), fast_form=fast_form,
)  # fmt: skip
