"""Where networks compute: what is chosen, and what is done where the memory there is full."""

import pytest
import torch

from core.attacks.square import Square
from core.devices import CPU, VARIABLE, bfloat16, choose_device, device_name, images_a_pass, warn, within_memory
from core.draws import gaussian, integers, permutation, uniform
from core.errors import ConfigError
from core.models.asking import at_once
from tests.helpers.attribution import generator
from tests.helpers.other_device import OTHER, other_device
from tests.helpers.pictures import rand


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    """A machine without a GPU, on which nobody has said where to compute."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


def test_the_best_device_that_is_there_is_taken(monkeypatch):
    assert choose_device() == CPU and device_name(CPU) == "CPU"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device() == torch.device("mps", 0)
    two_gpus(monkeypatch)
    assert choose_device() == torch.device("cuda", 0)


def test_the_name_given_goes_before_the_variable_and_that_before_what_is_best(monkeypatch):
    two_gpus(monkeypatch)
    monkeypatch.setenv(VARIABLE, "cuda:1")
    assert choose_device() == torch.device("cuda", 1)
    assert choose_device("CPU") == CPU


@pytest.mark.parametrize("name", ["cuda", "mps", "cuda:2", "cpu:1"])
def test_a_device_that_is_not_there_is_refused_in_a_sentence(monkeypatch, name):
    if name == "cuda:2":
        two_gpus(monkeypatch)
    with pytest.raises(ConfigError, match=f"there is no device {name} here"):
        choose_device(name)


@pytest.mark.parametrize("name", ["tpu", "cuda:-1", "cuda:x", "cuda:٣", "0"])
def test_an_unknown_device_is_refused_in_a_sentence(monkeypatch, name):
    monkeypatch.setenv(VARIABLE, name)

    with pytest.raises(ConfigError, match="device must be one of cuda, mps, cpu"):
        choose_device()


class Device:
    """A device whose memory holds few images, and a work that squares pictures there in passes."""

    def __init__(self, holds: int) -> None:
        self.holds, self.passes, self.told = holds, [], []

    def squares(self, where: torch.device, x: torch.Tensor) -> torch.Tensor:
        parts = []
        for part in x.split(at_once(x, 16)):
            self.passes.append((where.type, len(part)))
            if where.type != "cpu" and len(part) > self.holds:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            parts.append(part.square())
        return torch.cat(parts)

    def work(self, x: torch.Tensor) -> torch.Tensor:
        return within_memory(lambda where: self.squares(where, x), OTHER, self.told.append)


@pytest.mark.parametrize("holds", [16, 5, 1])
def test_passes_are_halved_until_they_fit(holds):
    x, device = rand(16, 3, 4, 4), Device(holds)
    assert torch.equal(device.work(x), x.square())
    assert {where for where, _ in device.passes} == {"lazy"}
    taken = {16: 16, 5: 4, 1: 1}[holds]
    assert device.passes[-1] == ("lazy", taken)
    images = "1 image;" if taken == 1 else f"{taken} images"
    assert device.told == [] if holds == 16 else [images.rstrip(";") in sentence for sentence in device.told] == [True]
    assert at_once(x, 16) == 16 and images_a_pass(16) == 16  # the next work begins with whole passes


def test_what_does_not_fit_at_all_runs_on_the_cpu():
    x, device = rand(16, 3, 4, 4), Device(0)
    assert torch.equal(device.work(x), x.square())
    assert [size for where, size in device.passes if where == "lazy"] == [16, 8, 4, 2, 1]
    assert device.passes[-1] == ("cpu", 16)
    assert device.told == ["The memory of the GPU (lazy) was full; the work was done on the CPU."]


def test_work_without_passes_goes_to_the_cpu_at_once():
    tried, told = [], []

    def run(where):
        tried.append(where.type)
        if where.type != "cpu":
            raise RuntimeError("MPS backend out of memory (MPS allocated: 5 GB)")
        return 3

    assert within_memory(run, OTHER, told.append) == 3
    assert tried == ["lazy", "cpu"] and len(told) == 1


def test_other_errors_and_a_full_cpu_are_not_swallowed():
    def broken(where):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        within_memory(broken, OTHER, warn)

    def full(where):
        raise torch.OutOfMemoryError("out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        within_memory(full, CPU, warn)


def test_a_full_memory_is_a_warning_where_nobody_else_is_told():
    with pytest.warns(RuntimeWarning, match="done on the CPU"):
        within_memory(lambda where: Device(0).squares(where, rand(1, 3, 4, 4)), OTHER, warn)


def test_draws_are_the_same_on_every_device():
    """A generator of the CPU draws, and draws what `torch` does."""
    draws = {
        "uniform": lambda like: uniform((2, 3), generator(), like),
        "single": lambda like: uniform((2,), generator(), like, torch.float32),
        "gaussian": lambda like: gaussian((2, 3), generator(), like),
        "integers": lambda like: integers(5, (4,), generator(), like),
        "permutation": lambda like: permutation(6, generator(), like),
    }
    here = {name: draw(torch.zeros(1)) for name, draw in draws.items()}
    assert torch.equal(here["gaussian"], torch.randn(2, 3, generator=generator()))
    with other_device():
        for name, draw in draws.items():
            found = draw(torch.zeros(1, device=OTHER))
            assert found.device == OTHER and torch.equal(found.cpu(), here[name])


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("there", [True, False])
def test_bfloat16_is_taken_where_it_is_wanted_and_the_processor_computes_in_it(monkeypatch, wanted, there):
    """Where it does not, the same takes ten to thirty times as long."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": there})
    with bfloat16(CPU, wanted):
        assert torch.is_autocast_enabled("cpu") == (wanted and there)


def test_the_emulated_device_refuses_what_a_gpu_refuses():
    with other_device():
        x = rand(2, 3).to(OTHER)
        assert (x + torch.tensor(1.0)).device == OTHER  # a number may come from the CPU
        assert torch.tensor([1.0], device=x.device).device == torch.zeros(1, device=x.device).device == OTHER
        assert x.tolist() == rand(2, 3).tolist() and torch.equal(x.cpu(), rand(2, 3))
        for mixed in (
            lambda: x + rand(2, 3),
            lambda: x[torch.tensor([0])],
            lambda: torch.where(x > 0, x, rand(2, 3)),
            lambda: x.detach().numpy(),
            lambda: torch.rand(2, generator=generator(), device=x.device),
            lambda: torch.nn.Linear(3, 2)(x),
            lambda: Square(0.1, queries=2)(torch.nn.Linear(3, 2), x, torch.tensor([0, 1]), generator()),
            x.double,
        ):
            with pytest.raises(RuntimeError):
                mixed()
