"""Identity of a study, among others of the same name."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STUDY_ID = "study_id"
"""User attribute of a study, and tag of its runs in MLflow: the study's id."""

UNMARKED_RUNS = "unmarked_runs"
"""User attribute of a study: true where its first runs in MLflow have no tag `STUDY_ID`."""

REPEATS_OF = "repeats_of"
"""User attribute of a study of repeats: id of the study whose trials they repeat."""


@dataclass(frozen=True, kw_only=True)
class StudyIdentity:
    """Name and id of a study.

    Two studies may have one name: in two folders, or after a folder was removed.
    """

    name: str
    """Name of the study, and of its experiment in MLflow."""
    id: str | None = None
    """Id that the study got when it was created; None where there is no study, as for one
    fine-tune."""
    has_unmarked_runs: bool = False
    """True if the study was created by a version that gave no ids: some of its runs in MLflow may
    have no tag `STUDY_ID`."""


def new_study_id() -> str:
    """Return an id that no other study has."""
    return uuid.uuid4().hex


def identity_attributes(stored: Mapping[str, Any], new_id: str) -> dict[str, Any]:
    """Return the attributes that give a study its id; none where it has one.

    Args:
        stored: User attributes of the study; none of a new one.
        new_id: Id that it gets where it has none.
    """
    if stored.get(STUDY_ID):
        return {}
    is_new = "definition" not in stored
    return {STUDY_ID: new_id} | ({} if is_new else {UNMARKED_RUNS: True})


def identity_of(name: str, stored: Mapping[str, Any]) -> StudyIdentity:
    """Return the identity of a stored study.

    Args:
        name: Name of the study.
        stored: Its user attributes.
    """
    return StudyIdentity(
        name=name,
        id=stored.get(STUDY_ID),
        has_unmarked_runs=bool(stored.get(UNMARKED_RUNS, STUDY_ID not in stored)),
    )
