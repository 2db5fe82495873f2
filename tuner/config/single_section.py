"""Composition of commands that have one section and neither a study nor groups."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from tuner.config.checks import check_section
from tuner.config.composer import Composer, Primary
from tuner.config.expressions import Kind, read_overrides
from tuner.config.files import Library
from tuner.config.messages import invalid_values, unknown_key
from tuner.config.schema import structure
from tuner.settings.predict_settings import PredictSettings
from tuner.settings.verify_settings import VerifySettings

T = TypeVar("T", PredictSettings, VerifySettings)


def compose_predict(arguments: Sequence[str], folder: Path) -> PredictSettings:
    """Compose a prediction; see `_compose`."""
    return _compose("predict", PredictSettings, arguments, folder)


def compose_verify(arguments: Sequence[str], folder: Path) -> VerifySettings:
    """Compose a verification; see `_compose`."""
    return _compose("verify", VerifySettings, arguments, folder)


def _compose(section: str, kind: type[T], arguments: Sequence[str], folder: Path) -> T:
    """Compose a section.

    Args:
        section: Name of the section.
        kind: Its settings class.
        arguments: Overrides of the section.
        folder: Working folder.

    Raises:
        InputError: An override is wrong.
    """
    settings = read_overrides(arguments, "command line")
    for setting in settings:
        if setting.kind is not Kind.VALUE or not setting.key.startswith(f"{section}."):
            raise unknown_key(setting.key, setting.where, [section])
    composed = (
        Composer(Library(folder), Primary(groups=(section,), defaults={}))
        .compose({})
        .with_values((s.key, s.value, s.where) for s in settings)
    )
    made = structure(kind, composed.section((section,))[section])
    if wrong := check_section(made, section):
        raise invalid_values(wrong, composed.where, composed.usual_value)
    return made
