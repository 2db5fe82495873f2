"""Metrics that installed packages declare."""

from collections.abc import Sequence

from tuner.errors import InputError
from tuner.fields.plugins import PlugIn, plug_ins, unusable
from tuner.installation.remedies import uninstall
from tuner.metrics.metric import Metric
from tuner.metrics.record import GROUP, MetricRecord, record_of


def plug_in_metrics() -> Sequence[PlugIn]:
    """Return the metrics that installed packages declare; nothing is imported."""
    return plug_ins(GROUP)


def installed(name: str) -> MetricRecord | None:
    """Return the record of an installed package's metric; None if no package brings one.

    Raises:
        InputError: It cannot be imported or is no metric, or several packages bring one.
    """
    found = [each for each in plug_in_metrics() if each.name == name]
    if not found:
        return None
    if len(found) > 1:
        sources = " and by ".join(each.source for each in found)
        raise InputError(
            f"the metric {name!r} is brought more than once: by {sources}",
            where="sweep.objectives or sweep.constraints",
            remedy=uninstall(found[-1].package),
        )
    return of_plug_in(found[0])


def of_plug_in(plug_in: PlugIn) -> MetricRecord:
    """Return the record of a metric that a package declares.

    Raises:
        InputError: It cannot be imported, or is no metric of that name.
    """
    found = plug_in.load()
    if not isinstance(found, Metric) or found.name != plug_in.name:
        name = plug_in.name
        raise unusable(
            plug_in.entry.value,
            plug_in.source,
            f"it is no metric with the name {name}",
            f"tuner.metric({name!r}, ...) on the function, or {uninstall(plug_in.package)}",
        )
    return record_of(found)
