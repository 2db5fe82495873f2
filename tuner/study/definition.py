"""Definition of a study, and the differences when it is continued with another one."""

import hashlib
import json
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import tuner
from tuner.confirmation import searched_name
from tuner.errors import InputError
from tuner.fields.plugins import loaded_packages
from tuner.metrics import MetricRecord
from tuner.metrics import versions as metric_versions
from tuner.search.configuration_id import canonical
from tuner.search.goals import Goals, goals_from_plain
from tuner.search.space import SearchSpace, Values
from tuner.settings.between_starts import BetweenStarts, decision_of, kept, summarised
from tuner.settings.overrides import override
from tuner.settings.settings import TrialSettings, between_starts
from tuner.study.attributes import OPENED
from tuner.tasks import Classification
from tuner.trial.serialization import to_plain
from tuner.trial.study_identity import REPEATS_OF, STUDY_ID, identity_attributes

DECISIONS = between_starts()
"""Configuration key to the decision whether it may change when a study is continued."""

LIBRARIES = ("tensorflow", "keras", "tokenizers", "numpy", "optuna")
"""Libraries whose versions may change the result of a trial."""

DEFINITION = "definition"
"""User attribute of a study: its plain `Definition`."""

MAY_CHANGE = summarised(DECISIONS, BetweenStarts.ANYTHING)
"""Keys, and groups of keys, that each start of a study may change."""

_SHOWN = 120
_MOST_OVERRIDES = 5
"""Largest number of overrides that a remedy lists."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A key in which two definitions differ, in the user's terms."""

    option: str
    """Option of a group that the key belongs to, as `optimizer=sgd `; empty for the base."""
    key: str
    """Configuration key, or another difference, as `content of data`."""
    before: Any
    """Value that the study was made with."""
    after: Any
    """Value that the study is opened with."""
    is_override: bool
    """True if an override of the key restores the value."""

    def __str__(self) -> str:
        """Return a line `key: was → is`."""
        return self.option + _line(self.key, self.before, self.after)


@dataclass(frozen=True, kw_only=True)
class Definition:
    """Everything that makes a study; a study is never continued with another definition."""

    space: SearchSpace
    """The search space."""
    base: TrialSettings
    """The untuned default configuration."""
    goals: Goals
    """Goals of the study."""
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Fields of each option of each searched group."""
    contents: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """SHA-256 of the models and data that the trials use, in the order in which the sweep names
    them.
    """
    repeats_of: str | None = None
    """Id of the study whose trials it repeats; None if it repeats none."""
    metrics: tuple[MetricRecord, ...] = field(default=(), compare=False)
    """Users' metrics; a later start may add some, or change their code."""
    identify: Callable[[Values], str] = field(default=canonical, compare=False)
    """Function of a trial's parameters that returns the name of their configuration, so that none
    runs twice; by default the parameters themselves are compared.
    """

    def to_plain(self) -> dict[str, Any]:
        """Return JSON values, for storing and comparing."""
        base = kept(to_plain(self.base), DECISIONS)
        options = {
            group: {name: kept(fields, DECISIONS, group) for name, fields in found.items()}
            for group, found in to_plain(self.options).items()
        }
        plain = {
            "space": self.space.to_plain(),
            "base": base,
            **self.goals.to_plain(),
            "options": options,
            "contents": self.contents,
        }
        # Through JSON, so that tuples and lists compare alike.
        loaded: dict[str, Any] = json.loads(json.dumps(plain))
        return loaded


def is_ours(attributes: Mapping[str, Any]) -> bool:
    """Return True if a study with these attributes was made by a sweep."""
    stored = attributes.get(DEFINITION)
    return isinstance(stored, Mapping) and {"space", "base"} <= set(stored)


def made_with(metrics: Iterable[MetricRecord] = ()) -> dict[str, str]:
    """Return the versions that decide what a trial gives.

    They are ours, the code's own hash, those of the libraries, of the plug-ins in use and of
    users' metrics.

    Args:
        metrics: Users' metrics that the trial measures.
    """
    found = {"tuner": tuner.__version__, "code": _code_hash()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found | loaded_packages("tuner.launchers") | metric_versions(metrics)


@cache
def _code_hash() -> str:
    """Return a hash of all our Python files: a changed checkout is another version, too."""
    folder = Path(tuner.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


def opening_attributes(
    name: str,
    stored: Mapping[str, Any],
    wanted: Mapping[str, Any],
    now: Mapping[str, str],
    hosts: Collection[str],
    new_id: str,
) -> tuple[dict[str, Any], str]:
    """Return the attributes to write when an agent opens a study.

    Args:
        name: Name of the study.
        stored: Attributes of the study; empty if it is new.
        wanted: Plain definition that it is opened with.
        now: Versions that it is opened with.
        hosts: Host names of the agents that are running it.
        new_id: Id for a study without one.

    Returns:
        The attributes to set, and a warning about versions, or an empty text.

    Raises:
        InputError: The definition is another one, or agents run the study with other versions.
    """
    if DEFINITION in stored:
        check_same(name, stored[DEFINITION], wanted)
    if OPENED not in stored and STUDY_ID not in stored:
        # It is new, or its first opening was interrupted; the definition is written first.
        identity = identity_attributes({}, new_id)
        return {DEFINITION: wanted, "made_with": now, "run_with": now, **identity}, ""
    identity = identity_attributes(stored, new_id)
    made = stored.get("made_with") or {}
    if hosts:
        check_running_versions(name, stored.get("run_with", made), now, hosts)
    return {"run_with": now, **identity}, version_warning(name, made, now)


def repeats_attributes(
    name: str, stored: Mapping[str, Any], searched: str | None
) -> dict[str, Any]:
    """Return the attribute that binds repeats to the study whose trials they repeat.

    Args:
        name: Name of the study of repeats.
        stored: Attributes of the study of repeats; empty if it is new.
        searched: Id of the study of the trials; None if it repeats none.

    Raises:
        InputError: It repeats the trials of another study, for example of one that was removed.
    """
    known = stored.get(REPEATS_OF)
    if searched is None or known == searched:
        return {}
    if known is not None:
        raise InputError(
            f"the study '{name}' repeats trials of another study than this one",
            where=f"study={name}",
            remedy="move the study's folder `confirm` away, or in a shared storage run "
            f"`optuna delete-study --study-name {shlex.quote(name)} --storage URL`; then run the "
            "same command",
        )
    return {REPEATS_OF: searched}


def check_same(name: str, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse to continue a study with another definition.

    Args:
        name: Name of the study.
        stored: Plain definition that the study was made with.
        wanted: Plain definition that it is opened with.

    Raises:
        InputError: The definitions differ; it names every difference and a remedy.
    """
    found = list(changes(stored, wanted))
    if found:
        raise InputError(
            f"the study '{name}' was made with another definition (was → is):\n"
            + "\n".join(f"    {change}" for change in found),
            where=f"study={name}",
            remedy=f"{_revert_remedy(found)}; or study={searched_name(name)}-2 for a new study. A "
            f"study continues after changes of {', '.join(MAY_CHANGE)}",
        )


def changes(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[Change]:
    """Yield the differences that make another study, in the user's own keys.

    Args:
        stored: Plain definition that the study was made with, perhaps by an earlier version.
        wanted: Plain definition that the study is opened with.
    """
    moved = stored.get("contents") == wanted.get("contents") != {}
    was = {key: value for key, value in stored.items() if key != "objective"}
    # Before there were tasks, classification was the only one.
    was["base"] = {"task": Classification().to_mapping()} | dict(stored["base"])
    was |= goals_from_plain(stored, {}).to_plain()
    for path, before, after in differing_leaves(was, wanted):
        option, setting = _setting(path)
        decision = decision_of(setting, DECISIONS)
        is_free = decision is BetweenStarts.ANYTHING
        if not (is_free or (moved and decision is BetweenStarts.SAME_CONTENT)):
            yield Change(
                option=option, key=setting, before=before, after=after,
                is_override=path.startswith("base.") and before is not None,
            )  # fmt: skip


def _revert_remedy(found: Sequence[Change]) -> str:
    """Return what restores the configuration that the study was made with."""
    if all(change.is_override for change in found) and len(found) <= _MOST_OVERRIDES:
        return " ".join(override(change.key, change.before) for change in found) + " as before"
    return "revert the changes"


def check_running_versions(
    name: str, theirs: Mapping[str, str], now: Mapping[str, str], hosts: Iterable[str]
) -> None:
    """Refuse to join agents that are running the study with other versions.

    Args:
        name: Name of the study.
        theirs: Versions that those agents run with.
        now: Versions of this agent.
        hosts: Host names of those agents.

    Raises:
        InputError: The versions differ; it names every difference.
    """
    lines = differences(theirs, now)
    if lines:
        raise InputError(
            f"the study '{name}' is being run with other versions (theirs → ours):\n"
            + "\n".join(f"    {line}" for line in lines),
            where=f"study={name}, on {', '.join(sorted(set(hosts)))}",
            remedy="install the same code and libraries here; or wait until those agents have "
            "ended (a killed one counts as gone after its storage.heartbeat_timeout); "
            f"study={searched_name(name)}-2 starts a new study",
        )


def version_warning(name: str, stored: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return a warning if a study was made with other versions; else an empty text."""
    lines = differences(stored, now)
    if not lines:
        return ""
    return (
        f"the study '{name}' was made with other versions ({'; '.join(lines)}): earlier and new "
        "trials may differ by more than their parameters; "
        f"study={searched_name(name)}-2 starts a new study"
    )


def differences(stored: Any, wanted: Any) -> list[str]:
    """Return a line `key: was → is` for every leaf in which two plain values differ."""
    return [_line(*found) for found in differing_leaves(stored, wanted)]


def differing_leaves(stored: Any, wanted: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the key and both values of every leaf in which two plain values differ.

    Args:
        stored: Plain value.
        wanted: Plain value.
        path: Key of both values; empty for whole definitions.
    """
    if isinstance(stored, Mapping) and isinstance(wanted, Mapping):
        for key in dict.fromkeys((*stored, *wanted)):
            below = f"{path}.{key}" if path else str(key)
            yield from differing_leaves(stored.get(key), wanted.get(key), below)
    elif stored != wanted:
        yield path, stored, wanted


def _line(key: str, before: Any, after: Any) -> str:
    return f"{key}: {_short(before)} → {_short(after)}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _setting(path: str) -> tuple[str, str]:
    """Split a path in a definition into the user's terms: its option and its key."""
    head, _, rest = path.partition(".")
    match head:
        case "base":
            return "", rest
        case "options" if rest.count(".") > 1:
            group, option, field = rest.split(".", 2)
            return f"{group}={option} ", f"{group}.{field}"
        case "objectives" | "constraints" | "space":
            return "", f"sweep.{path}"
        case "contents":
            return "", f"content of {rest}"
        case _:
            return "", path
