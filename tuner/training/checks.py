"""Checks of a trial's settings before its data and model are loaded."""

from tuner.errors import InputError
from tuner.fields.findings import Finding, out_of_bounds
from tuner.formatting.value_text import value_text
from tuner.settings.settings import TrialSettings
from tuner.settings.training_settings import AUTO
from tuner.training import device


def check(settings: TrialSettings) -> None:
    """Find what is wrong before anything heavy begins.

    Raises:
        InputError: A value that no trial can be run with.
    """
    training = settings.training
    device.require(training.devices)
    for finding in out_of_bounds(settings):
        raise _refusal(finding)
    if training.batch_size == AUTO:
        remedy = "training.batch_size=16, or more; a sweep decides auto before its trials"
        raise _refusal(Finding(key="training.batch_size", value=AUTO, remedy=remedy))


def _refusal(finding: Finding) -> InputError:
    return InputError(
        f"{finding.key} is {value_text(finding.value)}",
        where=finding.key,
        remedy=finding.remedy,
    )
