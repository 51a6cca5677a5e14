"""Twelve sessions at once on the cached models give the numbers of one alone and leave no trace.

The same harness is run with the protection taken out, and must then find the damage.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from captum.attr import GuidedBackprop, LayerGradCam
from torch import Tensor, nn

from app.state import zoo as state_zoo
from app.state.bounded_store import _stores
from core.attacks.pgd import Pgd
from core.explanations.attack_result import attack_result
from core.explanations.prediction import predict
from core.models.fast import private_copy
from core.models.zoo import ZooModel

SESSIONS = 12
ROUNDS = 4
ATTACK = Pgd(8 / 255, steps=3)
Protect = Callable[[nn.Module], nn.Module]


def image(session: int) -> Tensor:
    """The picture that a session looks at: its own."""
    return torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(session))


def plain_session(model: ZooModel, session: int, protect: Protect, meet: Callable[[], object]) -> list[np.ndarray]:
    """Looks and attacks, by gradients alone; one round falls between the meetings, while others have hooks in place."""
    results = []
    for turn in range(ROUNDS):
        if turn == 1:
            meet()
        seen, attacked = predict(model, image(session)), attack_result(model, image(session), ATTACK)
        results += [seen.probs, seen.attributions, attacked.x_adv, attacked.probs_adv]
        if turn == 1:
            meet()
    return results


def hooked_session(model: ZooModel, session: int, protect: Protect, meet: Callable[[], object]) -> list[np.ndarray]:
    """Grad-CAM and guided backpropagation through captum, then hooks of its own that stay while the others work."""
    results = []
    x = image(session)
    for _ in range(ROUNDS):
        mine = protect(model.fast)
        results.append(LayerGradCam(mine, mine.stages[-1]).attribute(x, target=0).detach().numpy())
        mine = protect(model.fast)
        results.append(GuidedBackprop(mine).attribute(x.clone().requires_grad_(), target=0).detach().numpy())
    mine = protect(model.fast)
    handle = mine.stem.register_forward_hook(lambda module, args, output: output * 0.5)
    try:
        meet()
        with torch.no_grad():
            results.append(mine(x).numpy())
        meet()
    finally:
        handle.remove()
    return results


def trace(model: ZooModel) -> list[tuple[object, ...]]:
    """All that a careless session could leave behind on a model: modes, hooks, gradients, requires_grad, values."""
    left: list[tuple[object, ...]] = []
    for form in (model.plain, model.fast):
        for name, module in form.named_modules():
            hooks = [len(getattr(module, kind)) for kind in vars(module) if kind.endswith("_hooks")]
            left.append((name, module.training, *hooks))
        for name, value in (*form.named_parameters(), *form.named_buffers()):
            left.append((name, value.requires_grad, value.grad is None, float(value.detach().double().sum())))
    return left


def damage(model: ZooModel, sessions: list[Callable], protect: Protect) -> list[str]:
    """What goes wrong when `sessions` run on `model` at once, in words; each first runs alone on a model of its own."""
    alone = [
        session(private_world(model), number, private_copy, lambda: None) for number, session in enumerate(sessions)
    ]
    before = trace(model)
    barrier = threading.Barrier(len(sessions))

    def run(number: int) -> list[np.ndarray] | str:
        try:
            return sessions[number](model, number, protect, lambda: barrier.wait(timeout=60))
        except Exception as error:
            barrier.abort()
            return f"session {number} failed: {type(error).__name__}"

    with ThreadPoolExecutor(len(sessions)) as pool:
        together = list(pool.map(run, range(len(sessions))))
    found = [outcome for outcome in together if isinstance(outcome, str)]
    for number, (expected, outcome) in enumerate(zip(alone, together, strict=True)):
        if not isinstance(outcome, str) and not all(
            one.shape == other.shape and np.allclose(one, other, rtol=1e-5, atol=1e-7)
            for one, other in zip(expected, outcome, strict=True)
        ):
            found.append(f"session {number} got other numbers")
    if trace(model) != before:
        found.append("the model was left changed")
    return found


def private_world(model: ZooModel) -> ZooModel:
    """The same model for one session alone."""
    return ZooModel(model.card, private_copy(model.plain), private_copy(model.fast))


@pytest.fixture
def shared(zoo, one_thread):
    """A cached model, as every session gets it; a fresh one for each test, because some tests damage it."""
    _stores.clear()
    yield state_zoo.model("cifar10", "standard")
    _stores.clear()


@pytest.fixture
def one_thread():
    """One thread an operation: sums are then taken in one order, however many sessions there are."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


MIXED = [hooked_session if number % 3 == 0 else plain_session for number in range(SESSIONS)]


def test_sessions_share_one_model(shared):
    with ThreadPoolExecutor(SESSIONS) as pool:
        models = list(pool.map(lambda _: state_zoo.model("cifar10", "standard"), range(SESSIONS)))
    assert all(model is shared for model in models)


@pytest.mark.slow
def test_twelve_sessions_give_the_numbers_of_one_and_leave_no_trace(shared):
    assert damage(shared, MIXED, protect=private_copy) == []


@pytest.mark.slow
def test_without_the_private_copy_the_harness_finds_damage(shared):
    assert damage(shared, MIXED, protect=lambda model: model)


def leave_grad(model: ZooModel, *_: object) -> list[np.ndarray]:
    model.plain.requires_grad_(True)
    model.plain(image(0)).sum().backward()
    model.plain.requires_grad_(False)
    return []


def leave_training_mode(model: ZooModel, *_: object) -> list[np.ndarray]:
    model.fast.stages[0].train()
    return []


def leave_hook(model: ZooModel, *_: object) -> list[np.ndarray]:
    model.fast.stem.register_full_backward_hook(lambda module, grad_in, grad_out: None)
    return []


def leave_requires_grad(model: ZooModel, *_: object) -> list[np.ndarray]:
    model.fast.requires_grad_(True)
    return []


@pytest.mark.parametrize("careless", [leave_grad, leave_training_mode, leave_hook, leave_requires_grad])
def test_the_harness_finds_each_kind_of_trace(shared, careless):
    def session(model: ZooModel, number: int, protect: Protect, meet: Callable[[], object]) -> list[np.ndarray]:
        return careless(model) if model is shared else []

    assert damage(shared, [session], protect=private_copy) == ["the model was left changed"]
