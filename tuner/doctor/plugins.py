"""Plug-ins of installed packages: the usable ones, and the faults of the others."""

from collections.abc import Iterable, Iterator
from typing import Any

from tuner import encoders
from tuner.doctor.line import Line, ok, warning
from tuner.errors import InputError
from tuner.fields.registry import Registry
from tuner.metrics import of_plug_in, plug_in_metrics
from tuner.settings.registries import REGISTRIES

EXTENSIBLE: tuple[Registry[Any], ...] = (*REGISTRIES.values(), encoders.REGISTRY)
"""Registries that plug-ins can extend."""


def plug_in_lines(registries: Iterable[Registry[Any]] = EXTENSIBLE) -> Iterator[Line]:
    """Import every plug-in and yield a line for each.

    Args:
        registries: Registries to check.
    """
    for plug_in in plug_in_metrics():
        try:
            of_plug_in(plug_in)
        except InputError as error:
            yield warning("plug-in", error.problem, error.remedy)
        else:
            yield ok("plug-in", f"metric {plug_in.name} of {plug_in.source}")
    for registry in registries:
        for plug_in in registry.plug_ins:
            try:
                registry.find(plug_in.name)
            except InputError as error:
                yield warning("plug-in", error.problem, error.remedy)
            else:
                text = f"{registry.base.group} {plug_in.name} of {plug_in.source}"
                yield ok("plug-in", text)
