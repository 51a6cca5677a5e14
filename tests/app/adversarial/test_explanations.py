"""The rows of explanations: what stands beside the pictures of each network."""

from dataclasses import replace

import torch

from app.adversarial import explanations
from app.adversarial.results import UNSAID
from core.data.tasks import CIFAR10
from core.explanations.class_explanations import explain
from core.models.zoo import load_zoo_model

MEASURED = {"clean": 0.874, "clean_n": 10000, "robust": 0.5, "robust_n": 1000, "norm": "linf", "epsilon": 8 / 255}


def test_a_networks_accuracy_stands_beside_its_explanations(tiny_zoo, monkeypatch):
    """Robust networks cost accuracy; of one that was not measured nothing is said."""
    models = {key: load_zoo_model("cifar10", key, tiny_zoo) for key in ("standard", "pgd-l2")}
    cards = {key: model.card for key, model in models.items()}
    cards["pgd-l2"] = replace(cards["pgd-l2"], figures=(MEASURED,))
    drawn: list[str] = []
    monkeypatch.setattr(explanations.st, "html", drawn.append)
    found = [explain(model, torch.full((1, *CIFAR10.shape), 0.5), 0.05, steps=2) for model in models.values()]
    explanations.grid(CIFAR10, found, [UNSAID] * 2, "picture", cards)
    standard, robust = drawn[0].split("<section")[1:]
    assert "right on test images" not in standard and "87.4 % right on test images" in robust
