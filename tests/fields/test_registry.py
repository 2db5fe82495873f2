"""Classes that do not implement the interface are rejected with what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import pytest

from tuner.errors import InputError
from tuner.fields.bounds import above
from tuner.fields.registry import Registry
from tuner.optimizers import Kernel, Optimizer, Sgd, SlotPool
from tuner.schedules import Schedule


@dataclass(frozen=True, kw_only=True)
class Momentum(Optimizer):
    """An optimizer of another package."""

    name: ClassVar[str] = "momentum"

    learning_rate: Annotated[float, above(0)]
    """Peak."""

    warm: bool = False
    """True: begin with a mean of gradients."""

    @property
    def slots(self) -> int:
        return 1

    def make_kernel(self, variables: Sequence[Any], pool: SlotPool) -> Kernel:
        return Sgd(learning_rate=self.learning_rate).make_kernel(variables, pool)


@dataclass(frozen=True, kw_only=True)
class WithoutKernel(Optimizer):
    name: ClassVar[str] = "without_kernel"


@dataclass(frozen=True, kw_only=True)
class WithoutName(Momentum):
    name: ClassVar[Any] = None


class Undecorated(Momentum):
    name: ClassVar[str] = "undecorated"


@dataclass(frozen=True, kw_only=True)
class WithAList(Momentum):
    name: ClassVar[str] = "with_a_list"

    betas: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SecondSgd(Momentum):
    name: ClassVar[str] = "SGD"


@pytest.fixture
def registry():
    registry = Registry(Optimizer)
    registry.register(Sgd)
    return registry


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        (WithoutKernel, ["make_kernel", "slots"]),
        (WithoutName, ["attribute name"]),
        (Undecorated, ["dataclass(frozen=True, kw_only=True)"]),
        (WithAList, ["bool, int, float or str of the field betas"]),
        (SecondSgd, ["a name of its own", "tuner.optimizers.sgd.Sgd"]),
        (Schedule, ["the base class Optimizer"]),
        (dict, ["the base class Optimizer"]),
        ("no class", ["the base class Optimizer"]),
    ],
)
def test_what_is_missing_is_said_with_class_and_package(registry, kind, missing):
    with pytest.raises(InputError) as refused:
        registry.register(kind, package="their-optimizers")
    for part in (getattr(kind, "__qualname__", str(kind)), "their-optimizers", *missing):
        assert part in refused.value.problem
    assert "their-optimizers" in refused.value.where
    assert "tuner.optimizers.base.Optimizer" in refused.value.remedy
    assert registry.names() == ["sgd"]


def test_a_class_that_implements_the_interface_is_found_by_its_name(registry):
    registry.register(Momentum, package="their-optimizers")
    assert registry.find("momentum") is Momentum
    made = registry.from_mapping({"name": "momentum", "learning_rate": 1, "warm": True})
    assert made == Momentum(learning_rate=1.0, warm=True)
    assert registry.from_mapping(made.to_mapping()) == made


@pytest.mark.parametrize("name", ["sgd", "SGD", "s_g_d"])
def test_a_name_is_found_as_keras_and_torch_write_it(registry, name):
    assert registry.find(name) is Sgd


@pytest.mark.parametrize("name", ["sgdm", "", None, 3, ["sgd"], True])
def test_other_names_are_errors_that_list_all(registry, name):
    with pytest.raises(InputError) as refused:
        registry.find(name, where="file.yaml, optimizer.name")
    assert refused.value.where == "file.yaml, optimizer.name"
    assert refused.value.remedy == "one of sgd"


def test_a_value_without_a_default_must_be_given(registry):
    registry.register(Momentum)
    with pytest.raises(InputError) as refused:
        registry.from_mapping({"name": "momentum"})
    assert refused.value.where == "optimizer.learning_rate"
