"""Record of a metric: where its function is found, by workers and by later starts of a study."""

import hashlib
import inspect
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

from tuner.errors import InputError
from tuner.fields.intervals import Range
from tuner.fields.plugins import PlugIn, plug_ins
from tuner.installation.remedies import install
from tuner.metrics.metric import Metric
from tuner.tasks import Direction, Score

GROUP = "tuner.metrics"
"""Group of entry points."""

VERSION = "metric "
"""Beginning of a metric's name among versions."""

_live: dict[tuple[str, str, str], Metric] = {}
"""Metrics of which this process has made a record; launcher=debug measures those."""


@dataclass(frozen=True, kw_only=True)
class MetricRecord:
    """A metric as plain values: its score, and the place of its function."""

    name: str
    """Name of the metric."""

    direction: Direction
    """Direction in which it gets better."""

    title: str
    """Name in texts for people."""

    low: float | None
    """Least value; None: there is none."""

    high: float | None
    """Largest value; None: there is none."""

    module: str
    """Module of the function."""

    qualname: str
    """Qualified name of the function in its module."""

    code: str
    """Hash of the module's file; of the function where there is no file."""

    folder: str | None = None
    """Folder in which the module is found; None where a package brings it."""

    package: str | None = None
    """Package that brings it, with an entry point."""

    @property
    def score(self) -> Score:
        """Title, direction and range."""
        values = Range(low=self.low, high=self.high)
        return Score(title=self.title, direction=self.direction, values=values)

    @property
    def target(self) -> str:
        """Module and function, as in an entry point."""
        return f"{self.module}:{self.qualname}"

    @property
    def source(self) -> str:
        """Package or function, for people."""
        return f"{self.name} of {self.package or self.target}"


def record_of(metric: Metric) -> MetricRecord:
    """Return the record of a metric, and keep the metric for `load` in this process."""
    function = metric.function
    module = getattr(function, "__module__", None) or type(function).__module__
    qualname = getattr(function, "__qualname__", type(function).__qualname__)
    brings = _plug_in(f"{module}:{qualname}")
    _live[module, qualname, metric.name] = metric
    return MetricRecord(
        name=metric.name,
        direction=metric.score.direction,
        title=metric.score.title,
        low=metric.score.values.low,
        high=metric.score.values.high,
        module=module,
        qualname=qualname,
        code=_code(function),
        folder=None if brings else _folder(module),
        package=None if brings is None else brings.package,
    )


def records_of(metrics: Any) -> tuple[MetricRecord, ...]:
    """Return the records of the metrics that a Python program passes.

    Args:
        metrics: Sequence of metrics.

    Raises:
        InputError: One is no metric, or two have one name.
    """
    given = tuple(metrics) if isinstance(metrics, Iterable) else (metrics,)
    for each in given:
        if not isinstance(each, Metric):
            raise InputError(
                f"{each!r} is no metric",
                where="metrics",
                remedy="functions with the decorator tuner.metric(NAME, direction=...)",
            )
    records = tuple(map(record_of, given))
    names = [each.name for each in records]
    for record in records:
        if names.count(record.name) > 1:
            raise InputError(
                f"two metrics have the name {record.name!r}",
                where="metrics",
                remedy="another name",
            )
    return records


def versions(records: Iterable[MetricRecord]) -> dict[str, str]:
    """Return each metric with what decides its values: its function and the code's hash."""
    return {f"{VERSION}{each.name}": f"{each.target} {each.code}" for each in records}


def check_importable(records: Iterable[MetricRecord]) -> None:
    """Check that other processes can import metrics.

    Args:
        records: Records that this process has made.

    Raises:
        InputError: Workers could not import one.
    """
    for record in records:
        if reason := _unreachable(record):
            raise InputError(
                f"workers cannot import the metric {record.name!r}: {reason}",
                where=f"metrics, {record.target}",
                remedy="define it at the top of a file such as my_metrics.py beside the program "
                "and import it from there; or launcher=debug, which trains in this process",
            )


def load(record: MetricRecord) -> Metric:
    """Return the metric of a record, imported where this process does not have it.

    Raises:
        InputError: It cannot be imported here, or is another one than in the record.
    """
    live = _live.get((record.module, record.qualname, record.name))
    if live is not None:
        return live
    if record.folder is not None and record.folder not in sys.path:
        sys.path.append(record.folder)  # Last, so that nothing of it hides an installed module.
    try:
        found = _attribute(import_module(record.module), record.qualname)
    except Exception as error:
        text = " ".join(str(error).split())
        raise _lost(record, f"its import fails with {type(error).__name__}: {text}") from error
    if not isinstance(found, Metric) or found.name != record.name:
        raise _lost(record, f"{record.target} is no metric of this name")
    if (code := _code(found.function)) != record.code:
        raise _lost(
            record, f"its module is another one here ({code}) than at the start ({record.code})"
        )
    _live[record.module, record.qualname, record.name] = found
    return found


def _lost(record: MetricRecord, problem: str) -> InputError:
    here = f"{record.target} in {record.folder}" if record.folder else record.target
    remedy = (
        install(record.package)
        if record.package
        else "a module that every machine can import, the same on all; or an installed package "
        "with an entry point in tuner.metrics. After a change, repeat the command"
    )
    return InputError(
        f"the metric {record.source} cannot be used: {problem}", where=here, remedy=remedy
    )


def _unreachable(record: MetricRecord) -> str:
    """Reason why another process could not import a metric; empty if it can."""
    if record.module == "__main__":
        return "it is defined in a notebook or in the program itself"
    if "<locals>" in record.qualname:
        return "it is defined inside a function"
    module = sys.modules.get(record.module)
    if getattr(module, "__file__", None) is None:
        return f"the module {record.module} has no file"
    try:
        found = _attribute(module, record.qualname)
    except AttributeError:
        found = None
    if found is not _live[record.module, record.qualname, record.name]:
        return f"{record.target} is not the metric; the decorator has to stand on the function"
    return ""


def _attribute(module: Any, qualname: str) -> Any:
    return reduce(getattr, qualname.split("."), module)


def _plug_in(target: str) -> PlugIn | None:
    return next((each for each in plug_ins(GROUP) if each.entry.value == target), None)


def _folder(module: str) -> str | None:
    """Folder from which a module was imported; None where it has no file."""
    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None)
    if file is None:
        return None
    depth = module.count(".") + hasattr(loaded, "__path__")
    return str(Path(file).resolve().parents[depth])


def _code(function: Any) -> str:
    """Hash of the file that defines a function, so that its helpers count, too."""
    try:
        text = Path(inspect.getsourcefile(function) or "").read_bytes()
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        text = b"" if code is None else code.co_code + repr(code.co_consts).encode()
    return hashlib.sha256(text).hexdigest()[:12]
