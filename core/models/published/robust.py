"""Robust ImageNet networks that papers published: a short table, each figure with where it is from.

Addresses, licence (MIT) and clean accuracy on ImageNet's validation set: Salman et al. 2020 (arXiv:2007.08489), as the
authors' page huggingface.co/madrylab/robust-imagenet-models states them at its revision 3f04ac9, which addresses name.
Checksums: the SHA-256 that the same site shows beside a file; where none could be looked up there is none here, and
the first fetch is trusted. Robust accuracy: RobustBench (Croce et al. 2021, arXiv:2010.09670), AutoAttack at 4/255 in
L-infinity on a part of the validation images, its files model_info/imagenet/Linf/*.json; its clean accuracy is on
that part, too, and is not the one given here. The authors give no robust accuracy for the other radii.
"""

from dataclasses import replace

from core.models.published.entry import Accuracy, PublishedNetwork

_REVISION = "3f04ac96136001cfe402022100728124cbe3fac5"
_FILES = f"https://huggingface.co/madrylab/robust-imagenet-models/resolve/{_REVISION}"
_PAPER = "Salman et al. 2020, arXiv:2007.08489"
_ATTACK = "AutoAttack, L-infinity 4/255"
_BENCH = "RobustBench"
_SIZES = {"resnet18": 93_600_000, "resnet50": 205_000_000}  # as the site shows them

# network, norm, radius as the file's name has it, clean %, robust % at 4/255, SHA-256
_SALMAN = (
    ("resnet18", "linf", "0.5", 66.13, None, "48d5e933d4ec99b390a0b7c628a4303343f9517a46245cbd7d2f2c034cbd93ee"),
    ("resnet18", "linf", "1.0", 63.46, None, "b49800111d38197deefb0c236055fbdd9d91a0607e55d6cc0bce15504adc9582"),
    ("resnet18", "linf", "2.0", 59.63, None, "bf2611291cc5f792c7f8f17ff6f841f9a0ede32dbe575cbd5bc57233139ae8bd"),
    ("resnet18", "linf", "4.0", 52.49, 25.32, "6f8ccef1ae4958c381617081e9e0fb5f50e7cccd4965192d1caa452fd6c5cd1e"),
    ("resnet50", "linf", "0.5", 73.73, None, "9612d8096ef5378b4a32746072f72fedcb02c7ff4b747bc7163274f7ec2f0fd8"),
    ("resnet50", "linf", "1.0", 72.05, None, ""),
    ("resnet50", "linf", "2.0", 69.10, None, "59f28de783a049cb4d91ba1c0a09c314db2cc4bb1e859566e023f842b02772ac"),
    ("resnet50", "linf", "4.0", 63.86, 34.96, "9e62216975c111b8081481533b6142dec34be69abe5d90b54d7f860015c263db"),
    ("resnet50", "linf", "8.0", 54.53, None, "b907957f8e3ce209816813d8811c682e965a1b0f48455def828d35a4cc2953dc"),
    ("resnet18", "l2", "0.5", 65.49, None, "69a10462280f266ab855547fde0649ac909f06174ed8df83b8bf2ea0f6fc8150"),
    ("resnet18", "l2", "1", 62.32, None, "92e6c37af550167c7c49c77ad31aad027de4e1f47fbef57546a48ef43626ebcf"),
    ("resnet18", "l2", "3", 53.12, None, "b4315784a1a10257b05906aee94d6884678f7b77412d10100d7c05daa959eab0"),
    ("resnet18", "l2", "5", 45.59, None, "d3ef126afdf9144a22020988dc46f552a0c39347e954c34359a3cb6bf83df186"),
    ("resnet50", "l2", "3", 62.83, None, ""),
)  # fmt: skip


def robust_networks() -> list[PublishedNetwork]:
    """The table: what can be fetched, and then what can only be pointed at."""
    return [_salman(*row) for row in _SALMAN] + _pointers()


def _salman(network: str, norm: str, radius: str, clean: float, robust: float | None, sha256: str) -> PublishedNetwork:
    plain = radius.removesuffix(".0")
    trained_at = f"{plain}/255 in L-infinity" if norm == "linf" else f"{plain} in L2"
    return PublishedNetwork(
        name=f"robust/{network}.salman2020-{norm}-{plain}",
        network=f"torchvision/{network}",
        address=f"{_FILES}/{network}_{norm}_eps{radius}.ckpt",
        source=_PAPER,
        licence="MIT",
        preprocess="imagenet,side=224",
        sha256=sha256,
        accuracy=_accuracy(clean, robust, "the authors' page"),
        size=_SIZES.get(network, 0),
        note=f"Trained on attacks at {trained_at}.",
    )


def _accuracy(clean: float, robust: float | None, source: str) -> Accuracy:
    if robust is None:
        return Accuracy(clean / 100, source=f"{source}, ImageNet's validation set")
    return Accuracy(clean / 100, None, robust / 100, _ATTACK, f"clean: {source}; attacked: {_BENCH}")


def _pointers() -> list[PublishedNetwork]:
    """Networks whose address, form or size stands in the way: where to look, and what to do then."""
    wide = _salman("wide_resnet50_2", "linf", "4.0", 68.41, 38.14, "")
    return [
        replace(
            wide,
            obstacle="Its file keeps more than the weights, and is larger than what is taken. Download it, save the "
            "network's state dict alone, and import that.",
        ),
        _elsewhere(
            "xcit-s12.debenedetti2022-linf-4",
            "https://github.com/dedeswim/vits-robustness-torch",
            "Debenedetti et al. 2022, arXiv:2209.07399",
            _accuracy(72.34, 41.78, _BENCH),
            "No address of its file could be checked. Download it by the list at its repository, and import it.",
        ),
        _elsewhere(
            "convnext-t-convstem.singh2023-linf-4",
            "https://robustbench.github.io",
            "Singh et al. 2023, arXiv:2303.01870",
            _accuracy(72.72, 49.46, _BENCH),
            "No library has its first layers. Write a function that makes it, name that in robustscope.toml, and "
            "import its weights with --architecture factory/….",
        ),
    ]


def _elsewhere(name: str, address: str, source: str, accuracy: Accuracy, obstacle: str) -> PublishedNetwork:
    licence = "see its repository"
    return PublishedNetwork(f"robust/{name}", "", address, source, licence, "", accuracy=accuracy, obstacle=obstacle)
