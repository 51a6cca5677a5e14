"""A network of a notebook: registered, it is asked as those of the zoo, and is itself left as it was."""

import pytest
import torch
from torch import nn

from core import predict, register
from core.attacks.pgd import Pgd
from core.data.tasks import listed_tasks, task_named
from core.errors import InputError
from core.models.preprocessing import PRESETS
from core.models.zoo import assemble


def network() -> nn.Module:
    torch_generator = torch.Generator().manual_seed(0)
    made = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    made.append(nn.Linear(8, 2))
    for value in made.parameters():
        nn.init.normal_(value, generator=torch_generator)
    return made.train()


def test_it_answers_and_is_attacked_and_the_given_network_stays_as_it_was():
    given = network()
    model = register(given, ["cat", "dog"], (3, 32, 32), PRESETS["half"], "pet")
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    assert given.training and given[2].inplace and all(value.requires_grad for value in given.parameters())
    with torch.no_grad():
        torch.testing.assert_close(model.plain(x), given.eval()((x - 0.5) / 0.5))
        torch.testing.assert_close(model.fast(x), model.plain(x), rtol=1e-4, atol=1e-5)
    assert predict(model, x[:1]).probs.shape == (2,)
    moved = Pgd(0.1, steps=3)(model.fast, x, torch.tensor([0, 1]), torch.Generator().manual_seed(0))
    assert (moved - x).abs().max() <= 0.1 + 1e-6 and not torch.equal(moved, x)


def test_its_task_is_known_by_its_key_alone_and_a_known_task_is_joined():
    model = register(network(), ["cat", "dog"], (3, 32, 32))
    assert task_named(model.card.task).class_names == ("cat", "dog") and model.card.task not in listed_tasks()
    with pytest.raises(InputError, match=r"must answer with \(4, 10\) numbers; got \(4, 2\)"):
        register(network(), "cifar10")


def test_no_file_can_hold_it():
    card = register(network(), ["cat", "dog"], (3, 32, 32)).card
    with pytest.raises(InputError, match="is in no file: import its weights"):
        assemble(card, {})
