"""Check of names that become names of folders."""

from tuner.config.checks import STUDY_NAME, is_study_name
from tuner.config.composition import Composition
from tuner.config.messages import invalid_values
from tuner.fields.findings import Finding


def check_study_name(study: str | None, composed: Composition) -> None:
    """Refuse an invalid study name.

    Args:
        study: Name of the study; None if there is none.
        composed: Composition with the place of the name.

    Raises:
        InputError: The name is invalid.
    """
    if study is not None and not is_study_name(study):
        finding = Finding(key="study", value=study, remedy=STUDY_NAME)
        raise invalid_values([finding], composed.where("study"))
