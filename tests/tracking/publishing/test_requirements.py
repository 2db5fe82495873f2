"""Requirements of the model that is published."""

import sys

from tests.packages import install_package
from tuner import tasks
from tuner.fields import plugins
from tuner.tracking.publishing.model import _requirements

CODE = """\
from dataclasses import dataclass
from typing import ClassVar

from tuner.tasks import Classification


@dataclass(frozen=True, kw_only=True)
class Ranks(Classification):
    name: ClassVar[str] = "ranks"
"""


def test_the_package_that_brings_the_task_is_required(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(tasks.REGISTRY, "_loaded", {})
    install_package(tmp_path, "their-tasks", {"tuner.tasks": {"ranks": "their_tasks:Ranks"}}, CODE)
    plugins.plug_ins.cache_clear()
    try:
        own = _requirements(tasks.find("ranks")())
    finally:
        plugins.plug_ins.cache_clear()
        sys.modules.pop("their_tasks", None)
    assert own == [*_requirements(tasks.Classification()), "their-tasks==1.0"]
