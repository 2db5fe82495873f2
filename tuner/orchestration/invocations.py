"""Command line of a sweep, stored with its study for later readers."""

from collections.abc import Mapping
from typing import Any

from tuner.processes.invocation import Invocation, invoked
from tuner.secrets import hidden
from tuner.study import Study

ATTRIBUTE = "invocation"
"""User attribute of a study: words of the command that last ran it, passwords masked."""


def remember_invocation(study: Study, invocation: Invocation) -> Invocation:
    """Store the command line with the study, and return it; one without words is not stored."""
    if invocation.words:
        study.set_attr(ATTRIBUTE, list(map(hidden, invocation.words)))
    return invocation


def stored_invocation(attributes: Mapping[str, Any]) -> Invocation | None:
    """Return the command line of a study's last start; None for studies of earlier versions.

    Args:
        attributes: User attributes of the study.
    """
    words = attributes.get(ATTRIBUTE)
    if not isinstance(words, list):
        return None
    return invoked(map(str, words))
