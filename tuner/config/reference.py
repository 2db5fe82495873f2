"""Generator of docs/configuration.md: every key, from settings classes, rules and YAML files.

python -m tuner.config.reference > docs/configuration.md
"""

import dataclasses
import inspect
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

from omegaconf import OmegaConf

from tuner.config.composer import Composer, Primary
from tuner.config.files import Library, bundled_folder
from tuner.config.option_files import yaml_value
from tuner.config.schema import (
    AGENT_GROUPS,
    CLOSED,
    DEFAULT_OPTIONS,
    GROUPS,
    OPEN_GROUPS,
    SWEEP,
    TRIAL_GROUPS,
)
from tuner.config.search_rules import RULES
from tuner.fields.bounds import Limit
from tuner.fields.component import KINDS, Component
from tuner.fields.declared import declared, description, descriptions
from tuner.settings.between_starts import BetweenStarts, summarised
from tuner.settings.registries import REGISTRIES
from tuner.settings.settings import MISSING, AgentSettings, TrialSettings, between_starts

COMMAND = "python -m tuner.config.reference > docs/configuration.md"

PREFACE = f"""\
# Configuration

Every key with its default and its bounds. This page is generated from the settings classes, the
rules that check them and the files of `conf/`; a test fails if it is stale:

    {COMMAND}

`training.epochs=3` sets a key on the command line. `optimizer=sgd` selects an option of a group: a
bundled file or your own, so `model=ours` reads `./conf/model/ours.yaml`. Such a file contains the
keys that it changes. The others have the defaults of this page: those of the group, or of the
optimizer, schedule, sampler, pruner or launcher in its `name`. *required* marks keys without a
default.

{{contents}}

A trial is configured by {{searched}}.
A sweep can search their options and all keys with a single value: see
[search spaces](search-spaces.md). `tuner sweep=NAME --cfg job` and
`tuner train ... --cfg job` print the composed configuration, and `tuner train` reads either.
`tuner --help GROUP` and `tuner --help KEY` show the same in a terminal.
"""

_FIELD = re.compile(r"(?P<key>\w+):\s+(?P<value>.*?)(?:\s+#\s+(?P<note>.*))?")
"""Line of an open group's file: key, value and comment."""

_CODE = re.compile(r"\b(true|false|null)(?=:)", re.IGNORECASE)
"""Value in a comment that describes its effect."""

_RULES: Mapping[str, str] = {key: limit.text for key, limit in RULES}
"""Keys of samplers and pruners to their allowed values."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """A configuration key."""

    key: str
    """Key on the command line."""
    default: str
    """Default value."""
    values: str
    """Allowed values."""
    meaning: str
    """Meaning of the key."""


def page() -> str:
    """Return the whole page."""
    composer = Composer(Library(_root()), Primary(groups=GROUPS))
    sections = {
        **{
            name: _open(name) if name in OPEN_GROUPS else _group(name, composer) for name in GROUPS
        },
        "study and output": _agent(),
        **{name: _section(name) for name in CLOSED if name not in GROUPS},
        "the next start of a study": _next_start(),
    }
    contents = " · ".join(f"[{name}](#{name.replace(' ', '-')})" for name in sections)
    searched = ", ".join(f"`{name}`" for name in TRIAL_GROUPS)
    parts = [PREFACE.format(contents=contents, searched=searched)]
    parts += [f"## {name}\n\n{text}" for name, text in sections.items()]
    return "\n".join(parts)


def _root() -> Path:
    """Return the folder of our conf/ and sweeps/, without any user's."""
    return bundled_folder("conf").parent


def _files(folder: str) -> list[Path]:
    return sorted((_root() / folder).glob("*.yaml"))


def _group(name: str, composer: Composer) -> str:
    """Return a closed group: its keys, and its options with their differences."""
    kind = CLOSED[name]
    keys = key_rows(kind, name, _composed(composer, name, DEFAULT_OPTIONS[name]))
    options = []
    for path in _files(f"conf/{name}"):
        rows = key_rows(kind, name, _composed(composer, name, path.stem))
        changed = [_assignment(row) for row, usual in zip(rows, keys, strict=True) if row != usual]
        mark = ", the default" if path.stem == DEFAULT_OPTIONS[name] else ""
        head = read_option(path.read_text(encoding="utf-8"))[0]
        options.append((f"`{name}={path.stem}`{mark}", head, "<br>".join(filter(None, changed))))
    table = _table(("option", "description", "differs in"), options)
    return f"{introduction(kind)}\n\n{_key_table(keys)}\n{table}"


def _composed(composer: Composer, group: str, option: str) -> dict[str, Any]:
    config = composer.compose({group: option}).config
    plain: Any = OmegaConf.to_container(config[group])
    return dict(plain)


def _assignment(row: Row) -> str:
    """Return a key of a group with its value; empty for nested keys, which are in the file."""
    _, _, name = row.key.partition(".")
    return "" if "." in name else f"{name}: {row.default}"


def _section(name: str) -> str:
    """Return a section without options in conf/."""
    kind = CLOSED[name]
    text = f"{introduction(kind)}\n\n{_key_table(key_rows(kind, name, {}))}"
    if name != SWEEP:
        return text
    found = [(path.stem, path.read_text(encoding="utf-8")) for path in _files("sweeps")]
    rows = [(f"`sweep={stem}`", read_option(content)[0]) for stem, content in found]
    return f"{text}\n{_table(('option', 'description'), rows)}"


def _agent() -> str:
    rows = [row for row in key_rows(AgentSettings, "", {}) if row.key in ("study", "output")]
    return f"Keys of every command that reads or writes a study.\n\n{_key_table(rows)}"


_NEXT_START: Mapping[BetweenStarts, str] = {
    BetweenStarts.SAME: "must stay the same; another value is refused: it makes another study",
    BetweenStarts.SAME_CONTENT: "may change if model and data keep the same content",
    BetweenStarts.ANYTHING: "may change, because it does not affect the result of a trial",
    BetweenStarts.NAMING: "identifies the study",
}


def _next_start() -> str:
    """Return which keys may change when a study is started again."""
    decisions = between_starts()
    rows = [
        (meaning, ", ".join(f"`{key}`" for key in summarised(decisions, decision)))
        for decision, meaning in _NEXT_START.items()
    ]
    text = "Keys that a later start of the same study may change. A group includes all its keys."
    return f"{text}\n\n{_table(('at the next start', 'keys'), rows)}"


def _open(group: str) -> str:
    """Return an open group, whose options have keys of their own."""
    owner = AgentSettings if group in AGENT_GROUPS else TrialSettings
    parts = [f"Each option has its own keys: {descriptions(owner)[group]}\n"]
    if group in REGISTRIES:
        parts += [
            _option(group, kind.name, description(kind), declared_rows(kind, {}))
            for kind in REGISTRIES[group].bundled()
        ]
        return "\n".join(parts)
    for path in _files(f"conf/{group}"):
        head, fields, foot = read_option(path.read_text(encoding="utf-8"))
        rows = [option_row(f"{group}.{key}", *rest) for key, *rest in fields if key != "name"]
        parts.append(_option(group, path.stem, head, rows, foot))
    return "\n".join(parts)


def _option(group: str, name: str, head: str, rows: Sequence[Row], foot: str = "") -> str:
    """Return an option of an open group: description, keys and closing remarks."""
    title = f"### {group}={name}" + (", the default" if DEFAULT_OPTIONS[group] == name else "")
    table = [_key_table(rows)] if rows else []
    blocks = (title, head, *table, foot)
    return "\n\n".join(block.strip() for block in blocks if block) + "\n"


def declared_rows(kind: type[Component], values: Mapping[str, Any]) -> list[Row]:
    """Return the keys of an optimizer or schedule.

    Args:
        kind: Class of the option.
        values: Key to value, if it differs from the class's default.
    """
    texts = descriptions(kind)
    return [
        Row(
            key=f"{kind.group}.{item.name}",
            default=_default(values.get(item.name, item.default)),
            values=_limits(item.type, item.bounds),
            meaning=_sentence(texts[item.name].rstrip(".")),
        )
        for item in declared(kind)
    ]


def _default(value: Any) -> str:
    """Return the default of a field; a mandatory one has none."""
    mandatory = value is dataclasses.MISSING or value == MISSING
    return shown(MISSING) if mandatory else f"`{yaml_value(value)}`"


def option_row(key: str, value: str, note: str) -> Row:
    """Return a key of an open group, whose type is that of its default."""
    default: Any = OmegaConf.to_container(OmegaConf.create(f"value: {value}"))
    known = default["value"] is not None and not value.startswith("${")
    return Row(
        key=key,
        default=f"`{value}`",
        values=_RULES.get(key) or (KINDS.get(type(default["value"]), "") if known else ""),
        meaning=_sentence(note),
    )


def _sentence(note: str) -> str:
    note = _CODE.sub(lambda match: f"`{match[1].lower()}`", note)
    return f"{note[:1].upper()}{note[1:]}." if note else ""


def read_option(text: str) -> tuple[str, list[tuple[str, str, str]], str]:
    """Parse a file of an open group with its comments.

    Args:
        text: Comments, then a line for each key with its value and comment, then comments.

    Returns:
        Comment at the top; key, value and comment of each line; comment at the bottom.
    """
    comments: tuple[list[str], list[str]] = ([], [])
    fields: list[tuple[str, str, str]] = []
    for line in text.splitlines():
        if line.startswith("#"):
            comments[bool(fields)].append(line.removeprefix("#").strip())
        elif match := _FIELD.fullmatch(line):
            fields.append((match["key"], match["value"], match["note"] or ""))
    return " ".join(comments[0]), fields, " ".join(comments[1])


def introduction(kind: type) -> str:
    """Return a class's docstring without `Group ...:`, which the heading contains."""
    text = inspect.cleandoc(kind.__doc__ or "")
    text = re.sub(r"^(Group|Section) `\w+`[,:.]?\s*", "", text)
    return text[:1].upper() + text[1:]


def key_rows(kind: type, prefix: str, defaults: Mapping[str, Any]) -> list[Row]:
    """Return the keys of a settings class, including those of nested classes."""
    texts = descriptions(kind)
    rows: list[Row] = []
    for item in declared(kind):
        key = f"{prefix}.{item.name}" if prefix else item.name
        default = defaults.get(item.name, item.default)
        inner = next(filter(_is_settings, (item.type, *get_args(item.type))), None)
        if inner is not None:
            rows += key_rows(inner, key, default if isinstance(default, Mapping) else {})
            continue
        limits = _limits(item.type, item.bounds)
        meaning = texts.get(item.name, "")
        rows.append(Row(key=key, default=shown(default), values=limits, meaning=meaning))
    return rows


def _is_settings(kind: Any) -> bool:
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)


def _limits(kind: Any, limit: Limit | None) -> str:
    """Return the allowed values of a key: its limit as text, or its type."""
    arguments = get_args(kind)
    plain = next((each for each in arguments if each is not NoneType), kind)
    optional = NoneType in arguments
    kind = plain if optional else kind
    words = limit.text if limit else KINDS.get(get_origin(kind) or kind, "")
    return f"{words}, or null" if optional and "null" not in words else words


def shown(value: Any) -> str:
    """Return a value as in YAML."""
    if value == MISSING:
        return "*required*"
    if value is None or isinstance(value, bool):
        return f"`{str(value).lower().replace('none', 'null')}`"
    if isinstance(value, list):
        return f"`[{', '.join(map(str, value))}]`"
    if isinstance(value, dict):
        return f"`{{{', '.join(f'{key}: {item}' for key, item in value.items())}}}`"
    return f"`{value}`"


def _key_table(rows: Iterable[Row]) -> str:
    cells = [(f"`{row.key}`", row.default, row.values, row.meaning) for row in rows]
    return _table(("key", "default", "values", "meaning"), cells)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    escaped = ([cell.replace("|", r"\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in escaped)


if __name__ == "__main__":
    sys.stdout.write(page())
