"""Metrics known by name: those of this process's sweep, of studies it reads, and installed."""

from collections.abc import Iterable, Sequence

from tuner.errors import InputError
from tuner.fields.plugins import PlugIn, plug_ins, unusable
from tuner.installation.remedies import uninstall
from tuner.metrics.metric import Metric
from tuner.metrics.record import GROUP, MetricRecord, record_of
from tuner.tasks import Score

VERSION = "metric "
"""Beginning of a metric's name among versions."""

_known: dict[str, Score] = {}
"""Metric to score, of the sweeps and studies that this process has met; the last one counts."""

_used: list[MetricRecord] = []
"""Metrics of the sweep that this process composed last."""


def use(records: Iterable[MetricRecord]) -> None:
    """Make metrics those of this process's sweep."""
    _used[:] = records
    remember(_used)


def remember(records: Iterable[MetricRecord]) -> None:
    """Make the scores of metrics known by name, for studies that are read."""
    _known.update({record.name: record.score for record in records})


def versions() -> dict[str, str]:
    """Return each used metric with what decides its values: its function and the code's hash."""
    return {f"{VERSION}{each.name}": f"{each.target} {each.code}" for each in _used}


def plug_in_metrics() -> Sequence[PlugIn]:
    """Return the metrics that installed packages declare; nothing is imported."""
    return plug_ins(GROUP)


def score_of(name: str) -> Score | None:
    """Return title, direction and range of a metric; None if it is not known.

    Raises:
        InputError: The package that brings it cannot be used.
    """
    if name in _known:
        return _known[name]
    found = installed(name)
    return None if found is None else found.score


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
