"""Check of names that become names of folders."""

from tuner.config.checks import is_study_name, study_name_finding
from tuner.config.composition import Composition
from tuner.config.messages import invalid_values


def check_study_name(study: str | None, composed: Composition) -> None:
    """Refuse an invalid study name.

    Args:
        study: Name of the study; None if there is none.
        composed: Composition with the place of the name.

    Raises:
        InputError: The name is invalid.
    """
    if study is not None and not is_study_name(study):
        raise invalid_values([study_name_finding(study)], composed.where, composed.usual_value)
