"""Every classifier of timm, by its name there."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from torch import nn

from core.models.architectures.library import LibraryConfig, check_name
from core.models.preprocessing import Preprocessing


class Timm:
    """timm; imported when it is first asked, which takes seconds."""

    title = "timm"
    sentence = "Any classifier of the library timm, by its name there."
    source = "Wightman 2019, github.com/huggingface/pytorch-image-models, version 1.0.31"
    licence = "Apache-2.0"

    @cache  # noqa: B019 - there is one of it
    def names(self) -> list[str]:
        """The names, without the tags of published weights."""
        return list(_timm().list_models())

    def make(self, name: str, classes: int, channels: int, side: int) -> nn.Module:
        """See `Library`; transformers and the like are built for `side`."""
        settings = {"pretrained": False, "num_classes": classes, "in_chans": channels}
        published = _timm().get_pretrained_cfg(name)
        if side and published is not None and published.fixed_input_size:
            try:
                return _timm().create_model(name, **settings, img_size=side)  # type: ignore[no-any-return]
            except TypeError:  # it has one size, which can't be said
                pass
        return _timm().create_model(name, **settings)  # type: ignore[no-any-return]

    def usual_preprocessing(self, name: str) -> Preprocessing:
        """See `Library`.

        Raises:
            ConfigError: timm has no such network.
        """
        check_name(name, self)
        published = _timm().get_pretrained_cfg(name)
        if published is None:
            return Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 224)
        return Preprocessing(tuple(published.mean), tuple(published.std), published.input_size[-1])


def _timm() -> Any:
    from core.torchvision_compat import torchvision  # noqa: F401 - timm imports it, which needs this first

    # isort: split
    import timm  # noqa: TID251 - the one place

    return timm


TIMM_LIBRARY = Timm()


@dataclass(frozen=True, slots=True)
class TimmConfig(LibraryConfig):
    """A network of timm; see `LibraryConfig`."""

    library = TIMM_LIBRARY
    architecture: Literal["timm"] = "timm"
