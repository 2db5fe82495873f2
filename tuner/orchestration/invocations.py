"""The command line of a sweep, kept with its study for whoever reads that later."""

from collections.abc import Mapping
from typing import Any

from tuner.processes.invocation import Invocation, invoked
from tuner.secrets import hidden
from tuner.study import Study

ATTRIBUTE = "invocation"
"""User attribute of a study: the words of the command that ran it last, passwords masked."""


def remember_invocation(study: Study, invocation: Invocation) -> Invocation:
    """Keep the command line with the study, and return it; one without words is not kept."""
    if invocation.words:
        study.set_attr(ATTRIBUTE, list(map(hidden, invocation.words)))
    return invocation


def stored_invocation(attributes: Mapping[str, Any]) -> Invocation | None:
    """Return the command line of a study's last start; None for one of an earlier version.

    Args:
        attributes: User attributes of the study.
    """
    words = attributes.get(ATTRIBUTE)
    if not isinstance(words, list):
        return None
    return invoked(map(str, words))
