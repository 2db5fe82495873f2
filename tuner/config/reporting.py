"""Composition of commands that read a study by its name, without composing its sweep."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

from tuner.config.composer import Composer, Primary
from tuner.config.composition import Composition
from tuner.config.expressions import Kind, Setting, read_overrides
from tuner.config.files import Library
from tuner.config.messages import invalid_values, unknown_key
from tuner.config.names import check_study_name
from tuner.config.rules import LARGEST
from tuner.config.schema import DEFAULT_OPTIONS, SWEEP, structure
from tuner.errors import InputError
from tuner.fields.findings import Finding
from tuner.search.pareto import PICKS
from tuner.settings.clean_settings import KINDS, CleanSettings
from tuner.settings.export import FORMATS, INT8, ExportSettings
from tuner.settings.report_settings import ReportSettings
from tuner.settings.settings import StorageSettings, TrackingSettings
from tuner.trial.records import Convergence

_STORAGE, _TRACKING = "storage", "tracking"

S = TypeVar("S", ReportSettings, ExportSettings, CleanSettings)


@dataclass(frozen=True, kw_only=True)
class ComposedReader(Generic[S]):
    """A composed command on a stored study."""

    study: str | None
    """Name of the study; None if none is named."""
    output: str
    """Folder of all studies."""
    storage: StorageSettings
    """Storage of the study."""
    settings: S
    """Section of the command."""
    tracking: TrackingSettings = field(default_factory=TrackingSettings)
    """Settings of MLflow, for `report` and `clean`."""


def compose_report(arguments: Sequence[str], folder: Path) -> ComposedReader[ReportSettings]:
    """Compose a report.

    Args:
        arguments: Overrides; `sweep=NAME` stands for `study=NAME` unless that is given too.
        folder: Folder with the user's conf/.

    Raises:
        InputError: An override is wrong.
    """
    groups = (_STORAGE, _TRACKING)
    made, composed = _compose(arguments, folder, "report", ReportSettings, groups)
    interval = made.settings.interval
    if not 0 < interval <= LARGEST:
        remedy = f"above 0, at most {LARGEST:,}"
        wrong = Finding(key="report.interval", value=interval, remedy=remedy)
        raise invalid_values([wrong], composed.where, composed.usual_value)
    tracking = composed.section((_TRACKING,))[_TRACKING]
    return replace(made, tracking=structure(TrackingSettings, tracking))


def compose_clean(arguments: Sequence[str], folder: Path) -> ComposedReader[CleanSettings]:
    """Compose a clean-up; see `compose_report`. Without a study it is for all of them.

    Raises:
        InputError: An override is wrong.
    """
    groups = (_STORAGE, _TRACKING)
    made, composed = _compose(arguments, folder, "clean", CleanSettings, groups)
    clean = made.settings
    rules = (
        (
            "kinds",
            clean.kinds and set(clean.kinds) <= set(KINDS),
            f"clean.kinds=[{','.join(KINDS)}], or some of them",
        ),
        ("older_than", 0 <= clean.older_than <= LARGEST, f"days: 0 or more, at most {LARGEST:,}"),
    )
    for name, holds, remedy in rules:
        if not holds:
            wrong = Finding(key=f"clean.{name}", value=getattr(clean, name), remedy=remedy)
            raise invalid_values([wrong], composed.where, composed.usual_value)
    tracking = composed.section((_TRACKING,))[_TRACKING]
    return replace(made, tracking=structure(TrackingSettings, tracking))


def compose_export(arguments: Sequence[str], folder: Path) -> ComposedReader[ExportSettings]:
    """Compose an export; see `compose_report`.

    Raises:
        InputError: An override is wrong.
    """
    made, composed = _compose(arguments, folder, "export", ExportSettings)
    export = made.settings
    words = (None, *(status.value for status in Convergence))
    rules = (
        ("format", export.format in FORMATS, f"one of {', '.join(FORMATS)}"),
        ("pick", export.pick in PICKS, f"one of {', '.join(PICKS)}"),
        ("top", export.top >= 1, "1 or more"),
        ("quantize", export.quantize in (None, INT8), f"{INT8}, or null"),
        (
            "quantize",
            export.quantize is None or export.onnx is not None,
            "export.onnx=DIR export.quantize=int8, as only a model of ONNX is quantized",
        ),
        ("quantize_loss", export.quantize_loss is None or export.quantize_loss >= 0, "0 or more"),
        (
            "quantize_loss",
            export.quantize_loss is None or export.quantize is not None,
            "export.quantize=int8 with it",
        ),
        (
            "onnx",
            _are_apart(export.model, export.onnx),
            "export.onnx=DIR, a folder beside export.model and not within it",
        ),
        (
            "calibrate",
            not export.calibrate or bool(export.model or export.onnx),
            "export.model=DIR or export.onnx=DIR with it",
        ),
        (
            "trial",
            export.trial is None or export.trial >= 0,
            "export.trial=0, or the number of another trial",
        ),
        (
            "convergence",
            export.convergence in words,
            f"one of {', '.join(map(str, words[1:]))}, or null",
        ),
    )
    for name, holds, remedy in rules:
        if not holds:
            wrong = Finding(key=f"export.{name}", value=getattr(export, name), remedy=remedy)
            raise invalid_values([wrong], composed.where, composed.usual_value)
    return made


def _are_apart(*targets: str | None) -> bool:
    """Return True if no folder is another one of them, or lies in it."""
    folders = [Path(target).resolve() for target in targets if target is not None]
    return not any(
        one.is_relative_to(other)
        for place, one in enumerate(folders)
        for number, other in enumerate(folders)
        if place != number
    )


def _compose(
    arguments: Sequence[str],
    folder: Path,
    section: str,
    kind: type[S],
    groups: Sequence[str] = (_STORAGE,),
) -> tuple[ComposedReader[S], Composition]:
    settings = read_overrides(arguments, "command line")
    defaults = {group: DEFAULT_OPTIONS[group] for group in groups}
    primary = Primary(groups=(*groups, section), defaults=defaults)
    for setting in settings:
        _check(setting, section, groups)
    chosen = {s.key: s.value for s in settings if s.kind is Kind.GROUP}
    sweep = chosen.pop(SWEEP, None)
    composed = (
        Composer(Library(folder), primary)
        .compose(chosen)
        .with_values((s.key, s.value, s.where) for s in settings if s.kind is Kind.VALUE)
    )
    content = composed.section(("study", "output", _STORAGE, section))
    check_study_name(content["study"] or sweep, composed)
    made = ComposedReader(
        study=content["study"] or sweep,
        output=content["output"],
        storage=structure(StorageSettings, content[_STORAGE]),
        settings=structure(kind, content[section]),
    )
    return made, composed


def _check(setting: Setting, section: str, groups: Sequence[str]) -> None:
    if setting.kind is Kind.SEARCH:
        raise InputError(
            f"{setting.text!r} is a search, but tuner {section} searches nothing",
            where="command line",
            remedy=f"the same command without {setting.text}",
        )
    if setting.kind is Kind.GROUP and setting.key in (SWEEP, *groups):
        return
    if setting.kind is not Kind.VALUE:
        known = (SWEEP, "study", "output", *groups, section)
        raise unknown_key(setting.key, setting.where, known)
