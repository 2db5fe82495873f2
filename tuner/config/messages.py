"""Error messages for refusals of Hydra, OmegaConf and YAML."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from omegaconf.errors import (
    GrammarParseError,
    InterpolationResolutionError,
    OmegaConfBaseException,
)

from tuner.config.environment import READERS, EnvironmentRefusedError
from tuner.errors import InputError
from tuner.fields.findings import Finding
from tuner.formatting.suggestion import nearest, nearest_key
from tuner.formatting.value_text import value_text
from tuner.settings.overrides import override
from tuner.settings.settings import MISSING

_UNCONVERTED = re.compile(
    r"Value '(?P<value>.*)' of type '(?P<type>[\w.]+)' could not be converted to (?P<wanted>\w+)",
    re.DOTALL,
)
_KINDS = {
    "Float": "a number",
    "Integer": "a whole number",
    "Boolean": "true or false",
    "String": "text",
}


def unknown_key(
    key: str, where: str, known: Sequence[str], *, under: str = "", value: Any = None
) -> InputError:
    """Return the error for a key that does not exist.

    Args:
        key: Unknown key.
        where: Place of the key, for messages.
        known: Existing keys.
        under: Chosen options without the key, for messages.
        value: Value that was given to it; None for a section.
    """
    problem = f"there is no key {key!r}" + (f" with {under}" if under else "")
    return InputError(problem, where=where, remedy=_nearest(key, known, value))


def _nearest(key: str, known: Sequence[str], value: Any) -> str:
    near = nearest_key(key, known)
    if near is not None:
        return near if value is None else override(near, value)
    section = key.rpartition(".")[0]
    siblings = [name for name in known if section and name.rpartition(".")[0] == section]
    return "one of " + ", ".join(siblings or [name for name in known if "." not in name])


def omegaconf_error(
    error: OmegaConfBaseException,
    where: str,
    *,
    key: str = "",
    known: Iterable[str] = (),
    usual: Any = None,
) -> InputError:
    """Return our error for OmegaConf's: a wrong type, a null, a missing key.

    Args:
        error: Error of OmegaConf.
        where: File or command line.
        key: Key; by default the one that OmegaConf names.
        known: Existing keys, for a suggestion.
        usual: Value of the key without overrides, for a suggestion; None if there is none.
    """
    key = key or error.full_key or ""
    if name := _refused_variable(error):
        return _refused_environment(name, key, where)
    text = (error.msg or str(error)).splitlines()[0]
    if "not in struct" in text or re.search(r"Key '.*' not in '", text):
        return unknown_key(key, where, list(known))
    if "Cannot merge" in text:
        return InputError(
            "there is a list in place of keys, or keys in place of a list",
            where=f"{where}, {key.rstrip('.')}",
            remedy="lines of the form `key: value` for keys, `[a, b]` for a list",
        )
    where = f"{where}, {key}" if key not in where else where
    if match := _UNCONVERTED.search(text):
        wanted = _KINDS.get(match["wanted"], match["wanted"])
        value = repr(match["value"]) if match["type"] == "str" else match["value"]
        return InputError(
            f"{key} is {value}, which is not {wanted}",
            where=where,
            remedy=override_instead(key, usual, None, wanted),
        )
    if "not Optional" in text:
        return InputError(
            f"{key} is null, but must have a value",
            where=where,
            remedy=override_instead(key, usual, None, "a value, or remove the key"),
        )
    remedy = f"tuner --help {key} shows its default and what it may be" if key else ""
    if isinstance(error, InterpolationResolutionError | GrammarParseError):
        remedy = r"a reference to an existing key, as ${data.train}; \${ stands for ${ itself"
    return InputError(f"{key}: {text}" if key else text, where=where, remedy=remedy)


def _refused_variable(error: BaseException | None) -> str:
    """Return the refused environment variable behind an error; empty if there is none."""
    while error is not None and not isinstance(error, EnvironmentRefusedError):
        error = error.__cause__ or error.__context__
    return str(error) if error is not None else ""


def _refused_environment(name: str, key: str, where: str) -> InputError:
    return InputError(
        f"{key} refers to the environment variable {name}, whose value would be written to "
        "best.yaml and MLflow",
        where=where,
        remedy="the value itself; only "
        + ", ".join(READERS)
        + " may refer to the environment, and your shell for the rest: KEY=$NAME",
    )


def invalid_values(
    findings: Sequence[Finding], where: Callable[[str], str], usual: Callable[[str], Any]
) -> InputError:
    """Return one error for all invalid values.

    Args:
        findings: Invalid values.
        where: Function that returns the origin of a key's value.
        usual: Function that returns the value of a key without overrides.
    """
    places = dict.fromkeys(where(finding.key) for finding in findings)
    problem = "; ".join(f"{finding.key} is {value_text(finding.value)}" for finding in findings)
    remedy = "; ".join(_override_instead(each, usual(each.key)) for each in findings)
    return InputError(problem, where="; ".join(places), remedy=remedy)


def _override_instead(finding: Finding, usual: Any) -> str:
    """Return the override to try: the word that was mistyped, else the usual value."""
    if re.match(r"'?[\w.]+=", finding.remedy):
        return finding.remedy
    _, listed, words = finding.remedy.partition("one of ")
    names = re.split(r", (?:or )?", words) if listed and isinstance(finding.value, str) else []
    return override_instead(
        finding.key, nearest(str(finding.value), names) or usual, finding.value, finding.remedy
    )


def override_instead(key: str, value: Any, wrong: Any, allowed: str) -> str:
    """Return the override to try in place of a wrong one.

    Args:
        key: Key of the value.
        value: Value to try; None if none is known.
        wrong: Value that was given.
        allowed: Values that are allowed, in words.
    """
    known = value is not None and value not in (wrong, MISSING)
    return f"{override(key, value)} ({allowed})" if known else f"{key}: {allowed}"
