"""Composition of `tuner predict`: a model's folder and a file, without a study or groups."""

from collections.abc import Sequence
from pathlib import Path

from tuner.config.checks import check_predict
from tuner.config.composer import Composer, Primary
from tuner.config.expressions import Kind, read_overrides
from tuner.config.files import Library
from tuner.config.messages import invalid_values, unknown_key
from tuner.config.schema import structure
from tuner.settings.predict_settings import PredictSettings

_SECTION = "predict"


def compose_predict(arguments: Sequence[str], folder: Path) -> PredictSettings:
    """Compose a prediction.

    Args:
        arguments: Overrides of the section `predict`.
        folder: Working folder.

    Raises:
        InputError: An override is wrong.
    """
    settings = read_overrides(arguments, "command line")
    for setting in settings:
        if setting.kind is not Kind.VALUE or not setting.key.startswith(f"{_SECTION}."):
            raise unknown_key(setting.key, setting.where, [_SECTION])
    composed = (
        Composer(Library(folder), Primary(groups=(_SECTION,), defaults={}))
        .compose({})
        .with_values((s.key, s.value, s.where) for s in settings)
    )
    made = structure(PredictSettings, composed.section((_SECTION,))[_SECTION])
    if wrong := check_predict(made):
        raise invalid_values(wrong, "; ".join(composed.where(finding.key) for finding in wrong))
    return made
