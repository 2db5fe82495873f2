"""Classes by name: ours and those of installed packages; incomplete ones are rejected."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import pytest

from tests.packages import install_package
from tuner.errors import InputError
from tuner.fields import plugins
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
class WithATuple(Momentum):
    name: ClassVar[str] = "with_a_tuple"

    betas: tuple[float, ...] = ()


NO_CLASS = "no class"

HERE = __name__
INTERFACE = "tuner.optimizers.base.Optimizer"


@pytest.fixture
def registry():
    registry = Registry(Optimizer)
    registry.register(Sgd)
    return registry


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Installs a package with optimizers: their names to classes of this module, or to others."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(plugins, "_loaded", set())
    plugins.plug_ins.cache_clear()

    def install(name, code="", **optimizers):
        targets = {k: v if ":" in v else f"{HERE}:{v}" for k, v in optimizers.items()}
        install_package(tmp_path, name, {"tuner.optimizers": targets}, code)
        plugins.plug_ins.cache_clear()

    yield install
    plugins.plug_ins.cache_clear()


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        ("WithoutKernel", ["make_kernel", "slots"]),
        ("WithoutName", ["attribute name"]),
        ("Undecorated", ["dataclass(frozen=True, kw_only=True)"]),
        ("WithATuple", ["of the field betas"]),
        ("Momentum", ["the name theirs", "momentum"]),
        ("Schedule", ["the base class Optimizer"]),
        ("NO_CLASS", ["the base class Optimizer"]),
        ("Nowhere", ["AttributeError", "Nowhere"]),
        ("nowhere:Nowhere", ["ModuleNotFoundError", "nowhere"]),
    ],
)
def test_what_is_wrong_with_a_plug_in_is_said_with_class_and_package(
    registry, installed, kind, missing
):
    installed("their-optimizers", theirs=kind)
    assert registry.names() == ["sgd", "theirs"]  # Nothing is imported for a list.
    with pytest.raises(InputError) as refused:
        registry.find("theirs")
    for part in ("their-optimizers 1.0", *missing):
        assert part in refused.value.problem
    assert "their-optimizers" in refused.value.where
    assert re.search("uninstall .*their-optimizers", refused.value.remedy)
    assert registry.find("sgd") is Sgd
    assert plugins.loaded_packages("tuner.optimizers") == {}


def test_a_class_of_ours_that_is_incomplete_is_rejected_too(registry):
    with pytest.raises(InputError) as refused:
        registry.register(WithoutKernel)
    assert "make_kernel" in refused.value.problem
    assert INTERFACE in refused.value.remedy


def test_a_plug_in_is_imported_when_its_name_is_asked_for(registry, installed):
    code = f"from {HERE} import Momentum\n"
    installed("their-optimizers", code, momentum="their_optimizers:Momentum")
    assert "their_optimizers" not in sys.modules
    assert registry.names() == ["momentum", "sgd"]
    assert "their_optimizers" not in sys.modules
    assert plugins.loaded_packages() == {}

    assert registry.find("Momentum") is Momentum
    assert plugins.loaded_packages() == {"their-optimizers": "1.0"}
    assert plugins.loaded_packages("tuner.optimizers") == {}
    assert registry.bundled() == [Sgd]
    made = registry.from_mapping({"name": "momentum", "learning_rate": 1, "warm": True})
    assert made == Momentum(learning_rate=1.0, warm=True)
    assert registry.to_record(made) == made.to_mapping() | {"package": "their-optimizers"}
    assert registry.from_mapping(registry.to_record(made)) == made


def test_a_plug_in_that_is_not_installed_here_is_named_with_its_package(registry, installed):
    record = {"name": "momentum", "package": "their-optimizers", "learning_rate": 1.0}
    with pytest.raises(InputError) as refused:
        registry.from_mapping(record)
    assert "momentum" in refused.value.problem
    assert "their-optimizers" in refused.value.problem
    assert sys.executable in refused.value.where
    assert re.search("install .*their-optimizers", refused.value.remedy)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("momentum", ["first-package 1.0", "second-package 1.0"]),
        ("SGD", ["tuner", "second-package 1.0"]),
    ],
)
def test_a_name_that_is_brought_twice_is_refused_with_both_packages(
    registry, installed, name, parts
):
    installed("first-package", momentum="Momentum")
    installed("second-package", momentum="Momentum", SGD="Momentum")
    with pytest.raises(InputError) as refused:
        registry.find(name)
    for part in parts:
        assert part in refused.value.problem
    assert re.search("uninstall .*second-package", refused.value.remedy)


def test_a_class_of_ours_is_imported_when_it_is_asked_for(registry):
    registry.declare("momentum", f"{HERE}:Momentum")
    assert registry.names() == ["momentum", "sgd"]
    assert registry.find("momentum") is Momentum
    assert registry.bundled() == [Momentum, Sgd]
    assert registry.to_record(Momentum(learning_rate=1.0)) == {
        "name": "momentum", "learning_rate": 1.0, "weight_decay": 0.0, "layer_decay": 1.0,
        "warm": False,
    }  # fmt: skip
    with pytest.raises(InputError):
        registry.register(Sgd)


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


def test_an_interface_of_another_group_has_its_own_plug_ins(installed):
    installed("their-optimizers", momentum="Momentum")
    assert Registry(Schedule).names() == []
