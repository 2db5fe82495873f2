"""Names that become names of folders."""

from tuner.config.checks import STUDY_NAME, is_study_name
from tuner.config.composition import Composition
from tuner.config.messages import not_sensible
from tuner.fields.findings import Finding


def check_study(study: str | None, composed: Composition) -> None:
    """Refuses a study whose name is no plain one.

    Args:
        study: The name; None: none is given.
        composed: Says where it was given.

    Raises:
        InputError: As said.
    """
    if study is not None and not is_study_name(study):
        finding = Finding(key="study", value=study, remedy=STUDY_NAME)
        raise not_sensible([finding], composed.where("study"))
