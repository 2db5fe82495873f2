"""Composes `report`: which study, where it is, and how it is shown; the sweep is not composed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.config.composer import Composer, Primary
from tuner.config.expressions import Kind, Setting, read_overrides
from tuner.config.files import Library
from tuner.config.messages import not_sensible, unknown_key
from tuner.config.names import check_study
from tuner.config.schema import DEFAULT_OPTIONS, SWEEP, structure
from tuner.core.checks import Finding
from tuner.core.report_settings import ReportSettings
from tuner.core.settings import StorageSettings
from tuner.errors import InputError

_STORAGE, _REPORT = "storage", "report"


@dataclass(frozen=True, kw_only=True)
class ComposedReport:
    """A report, ready to be made.

    Attributes:
        study: The study's name; null: none is named.
        output: Folder of all studies.
        storage: Where the study is.
        report: How it is shown.
    """

    study: str | None
    output: str
    storage: StorageSettings
    report: ReportSettings


def compose_report(arguments: Sequence[str], folder: Path) -> ComposedReport:
    """Composes a report.

    Args:
        arguments: Overrides; `sweep=NAME` stands for `study=NAME` unless that is given too.
        folder: Where the user's own conf/ is.

    Raises:
        InputError: Anything in the overrides is wrong.
    """
    settings = read_overrides(arguments, "command line")
    primary = Primary(groups=(_STORAGE, _REPORT), defaults={_STORAGE: DEFAULT_OPTIONS[_STORAGE]})
    for setting in settings:
        _check(setting)
    chosen = {s.key: s.value for s in settings if s.kind is Kind.GROUP}
    sweep = chosen.pop(SWEEP, None)
    composed = (
        Composer(Library(folder), primary)
        .compose(chosen)
        .with_values((s.key, s.value, s.where) for s in settings if s.kind is Kind.VALUE)
    )
    content = composed.section(("study", "output", _STORAGE, _REPORT))
    check_study(content["study"] or sweep, composed)
    report = structure(ReportSettings, content[_REPORT])
    if not report.interval > 0:
        finding = Finding(key="report.interval", value=report.interval, remedy="above 0")
        raise not_sensible([finding], composed.where("report.interval"))
    return ComposedReport(
        study=content["study"] or sweep,
        output=content["output"],
        storage=structure(StorageSettings, content[_STORAGE]),
        report=report,
    )


def _check(setting: Setting) -> None:
    if setting.kind is Kind.SEARCH:
        raise InputError(
            f"{setting.text!r} is a search, and a report searches nothing",
            where="command line",
            remedy=f"leave it out, or {setting.key}=VALUE",
        )
    if setting.kind is Kind.GROUP and setting.key in (SWEEP, _STORAGE):
        return
    if setting.kind is not Kind.VALUE:
        known = (SWEEP, "study", "output", _STORAGE, _REPORT)
        raise unknown_key(setting.key, setting.where, known)
