"""The contract over private imports finds each way to write one."""

import pytest

from tests.private_imports import private_attributes, private_definitions, private_imports


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from optuna.storages._rdb import models", "optuna.storages._rdb.models"),
        ("import optuna.storages._rdb.models as m", "optuna.storages._rdb.models"),
        ("from optuna.storages import (\n    RDBStorage,\n    _CachedStorage,\n)",
         "optuna.storages._CachedStorage"),
        ("def f():\n    from optuna import _deprecated", "optuna._deprecated"),
    ],
)  # fmt: skip
def test_a_private_import_is_found(source, found):
    assert [name for _, name in private_imports(source, "tuner")] == [found]


@pytest.mark.parametrize(
    "source",
    [
        "from optuna.storages import RDBStorage",
        "from __future__ import annotations",
        "from tuner.study.storage_retry import _pauses",
        "from . import _own",
    ],
)
def test_what_is_public_or_our_own_is_not(source):
    assert list(private_imports(source, "tuner")) == []


def test_private_attributes_are_found_unless_the_package_defines_them():
    source = "class A:\n    _kept: int\n    def f(self): return self._kept, node._get_node('a')"
    own = set(private_definitions(source))
    assert own == {"A", "_kept", "f"}
    assert list(private_attributes(source, own)) == [(3, "_get_node")]
    assert list(private_attributes("pair._replace(a=1)", ())) == []
