"""Check of the study of repeats before the search begins; it makes and changes nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from optuna.storages import BaseStorage

from tuner.files.sqlite_address import sqlite_path
from tuner.settings.settings import StorageSettings
from tuner.study.definition import Definition, made_with, opening_attributes, repeats_attributes
from tuner.study.foreign import refuse_foreign_study
from tuner.study.journal import journal_path
from tuner.study.owner import identity
from tuner.study.storage_retry import StorageRetry
from tuner.study.stores import connect, is_journal, shown
from tuner.trial.study_identity import STUDY_ID, new_study_id


@dataclass(frozen=True, kw_only=True)
class StudyPlace:
    """Name of a study and address of its storage."""

    name: str
    url: str


def check_repeats(
    search: StudyPlace, repeats: StudyPlace, definition: Definition, settings: StorageSettings
) -> None:
    """Check that the repeats of a search can be run, if a study of their name exists.

    Args:
        search: The search's study, which may not exist.
        repeats: Study of the repeats.
        definition: Definition of the repeats.
        settings: Group `storage`.

    Raises:
        InputError: A study of that name belongs to another program, repeats the trials of another
            search, or has another definition.
    """
    directions = definition.goals.directions

    def check(storage: BaseStorage) -> Mapping[str, Any] | None:
        refuse_foreign_study(storage, repeats.name, directions, shown(repeats.url))
        return _attributes(storage, repeats.name)

    found = _read(repeats, settings, check)
    if found is None:
        return
    searched = _read(search, settings, lambda storage: _attributes(storage, search.name))
    # A search without an id gets a new one, which no repeats have.
    id_ = (searched or {}).get(STUDY_ID) or new_study_id()
    repeats_attributes(repeats.name, found, id_)
    now = made_with(definition.metrics)
    opening_attributes(repeats.name, found, definition.to_plain(), now, (), "")


def _attributes(storage: BaseStorage, name: str) -> Mapping[str, Any] | None:
    try:
        return storage.get_study_user_attrs(storage.get_study_id_from_name(name))
    except KeyError:
        return None


def _read(
    place: StudyPlace,
    settings: StorageSettings,
    action: Callable[[BaseStorage], Mapping[str, Any] | None],
) -> Mapping[str, Any] | None:
    """Return the result of a function on an open storage; None if its file does not exist."""
    url = place.url
    file = journal_path(url) if is_journal(url) else sqlite_path(url)
    if file is not None and not file.is_file():
        return None
    retry = StorageRetry(settings.retry_timeout, shown(url))
    opened = retry(lambda: connect(url, identity(), place.name))
    try:
        return retry(lambda: action(opened.optuna))
    finally:
        opened.close()
