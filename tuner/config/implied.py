"""Options that values imply if no option of their group is chosen."""

from collections.abc import Mapping, Sequence
from typing import Any

from tuner.config.expressions import Kind, Setting
from tuner.errors import InputError
from tuner.settings.file_formats import REMOTE_FORMATS, AmbiguousFormatError, implied_format

DATA = "data"


def implied_options(settings: Sequence[Setting]) -> dict[str, str]:
    """Return the option of `data` that overrides imply without choosing one.

    `data.train=reviews.json` implies `data=json`: rows, columns and limits of the default data set
    do not apply to another one.

    Args:
        settings: Overrides; later ones win.

    Raises:
        InputError: A data set is named without its format.
    """
    if any(setting.key == DATA for setting in settings):
        return {}
    values = {s.key: s for s in settings if s.kind is Kind.VALUE}
    given = {
        key.partition(".")[2]: s.value for key, s in values.items() if key.startswith("data.")
    }
    where = values["data.name"].where if "data.name" in values else ""
    option = data_option(given, where)
    return {} if option is None else {DATA: option}


def data_option(given: Mapping[str, Any], where: str) -> str | None:
    """Return the option of `data` that has the defaults for some given keys.

    Args:
        given: Given keys of `data` with their values.
        where: Place of `data.name`, for messages.

    Returns:
        The option; None if the keys name no data set, so that the default one is meant.

    Raises:
        InputError: A data set is named without its format.
    """
    try:
        return implied_format(given)
    except AmbiguousFormatError as error:
        first, second = REMOTE_FORMATS
        raise InputError(
            f"data.name is {str(error)!r}, but data.format does not say where to find it",
            where=where,
            remedy=f"data={first} (Hugging Face datasets) or data={second} (TensorFlow Datasets)",
        ) from error
