"""A published network of a test: random weights, on a server of the test."""

import hashlib
from dataclasses import replace

from core.models.published.entry import Accuracy, PublishedNetwork
from tests.helpers.file_server import FileServer
from tests.helpers.foreign import SMALL, saved, small_network

NAME = "robust/tiny.someone2020-linf-4"
KEY = "robust-tiny-someone2020-linf-4"


def tiny_published(server: FileServer, known: bool = True) -> PublishedNetwork:
    """A small network as its authors might keep it, on a server; with a checksum of theirs, or without."""
    weights = small_network(1000).state_dict()
    inside = {f"module.model.{name}": value for name, value in weights.items()}
    copies = {f"module.attacker.model.{name}": value for name, value in weights.items()}
    server.files["tiny.ckpt"] = saved({"model": inside | copies, "epoch": 90})
    entry = PublishedNetwork(
        name=NAME,
        network=f"torchvision/{SMALL}",
        address=server.address("tiny.ckpt"),
        source="Someone 2020, arXiv:2000.00000",
        licence="MIT",
        preprocess="imagenet,side=224",
        sha256=hashlib.sha256(server.files["tiny.ckpt"]).hexdigest(),
        accuracy=Accuracy(0.5249, None, 0.2532, "AutoAttack, L-infinity 4/255", "their paper"),
        note="Trained on attacks.",
    )
    return entry if known else replace(entry, sha256="")
