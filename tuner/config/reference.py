"""docs/configuration.md: every key, out of the settings classes, their rules and the YAML files.

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

from tuner.config.checks import allowed
from tuner.config.composer import Composer, Primary
from tuner.config.files import Library, bundled_folder
from tuner.config.schema import (
    AGENT_GROUPS,
    CLOSED,
    DEFAULT_OPTIONS,
    GROUPS,
    OPEN_GROUPS,
    SWEEP,
    TRIAL_GROUPS,
)
from tuner.settings.between_starts import BetweenStarts, summarised
from tuner.settings.settings import MISSING, AgentSettings, TrialSettings, between_starts

COMMAND = "python -m tuner.config.reference > docs/configuration.md"

PREFACE = f"""\
# Configuration

Every key there is, with its default and with what it may be. The page is made from the settings
classes, the rules that check them and the files of `conf/`, and a test fails when it is stale:

    {COMMAND}

A key is set on the command line, as `training.epochs=3`. A group's option is chosen by its name,
as `optimizer=sgd`: it is a file of the group's folder, ours or your own, so that `model=ours`
reads `./conf/model/ours.yaml`, which holds the keys that it changes. `null` stands for nothing;
*to be given* marks keys that have no default.

{{contents}}

A trial is made of {{searched}}.
A sweep can search all of their keys that hold one value, and which options they have: see
[search spaces](search-spaces.md). `tuner sweep=NAME --cfg job` and
`tuner train ... --cfg job` print what everything comes to, and `tuner train` reads either.
`tuner --help GROUP` and `tuner --help KEY` show the same in a terminal.
"""

_FIELD = re.compile(r"(?P<key>\w+):\s+(?P<value>.*?)(?:\s+#\s+(?P<note>.*))?")
"""A line of an open group's file: key, value and comment."""

_CODE = re.compile(r"\b(true|false|null)(?=:)")
"""A value in a comment that says what it does."""

_ENTRY = re.compile(r"    (?P<name>\w+): (?P<text>.*)")
"""The first line of an attribute in a docstring."""

_KINDS: Mapping[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "keys with values",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """A key.

    Attributes:
        key: As on the command line.
        default: Its value unless another one is given.
        values: What it may be.
        meaning: What it does.
    """

    key: str
    default: str
    values: str
    meaning: str


def page() -> str:
    """The whole page."""
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
    """The folder that our conf/ and sweeps/ are in, where nobody's own stand above them."""
    return bundled_folder("conf").parent


def _files(folder: str) -> list[Path]:
    return sorted((_root() / folder).glob("*.yaml"))


def _group(name: str, composer: Composer) -> str:
    """A closed group: its keys, and the options with what each sets."""
    kind = CLOSED[name]
    keys = key_rows(kind, name, _composed(composer, name, DEFAULT_OPTIONS[name]))
    options = []
    for path in _files(f"conf/{name}"):
        rows = key_rows(kind, name, _composed(composer, name, path.stem))
        changed = [_assignment(row) for row, usual in zip(rows, keys, strict=True) if row != usual]
        mark = ", the default" if path.stem == DEFAULT_OPTIONS[name] else ""
        head = read_option(path.read_text(encoding="utf-8"))[0]
        options.append((f"`{name}={path.stem}`{mark}", head, "<br>".join(filter(None, changed))))
    table = _table(("option", "is", "differs in"), options)
    return f"{introduction(kind)}\n\n{_key_table(keys)}\n{table}"


def _composed(composer: Composer, group: str, option: str) -> dict[str, Any]:
    config = composer.compose({group: option}).config
    plain: Any = OmegaConf.to_container(config[group])
    return dict(plain)


def _assignment(row: Row) -> str:
    """A key of a group with its value; nothing of the keys below it, which stand in the file."""
    _, _, name = row.key.partition(".")
    return "" if "." in name else f"{name}: {row.default}"


def _section(name: str) -> str:
    """A section that has no options in conf/."""
    kind = CLOSED[name]
    text = f"{introduction(kind)}\n\n{_key_table(key_rows(kind, name, {}))}"
    if name != SWEEP:
        return text
    found = [(path.stem, path.read_text(encoding="utf-8")) for path in _files("sweeps")]
    rows = [(f"`sweep={stem}`", read_option(content)[0]) for stem, content in found]
    return f"{text}\n{_table(('option', 'is'), rows)}"


def _agent() -> str:
    rows = [row for row in key_rows(AgentSettings, "", {}) if row.key in ("study", "output")]
    return f"Of every command that reads or writes a study.\n\n{_key_table(rows)}"


_NEXT_START: Mapping[BetweenStarts, str] = {
    BetweenStarts.SAME: "must stay: another value makes another study, and is refused",
    BetweenStarts.SAME_CONTENT: "may change as long as model and data have the same content",
    BetweenStarts.ANYTHING: "may change: it never decides what a trial gives",
    BetweenStarts.NAMING: "says which study is meant",
}


def _next_start() -> str:
    """Which keys may have another value when the same study is started again."""
    decisions = between_starts()
    rows = [
        (meaning, ", ".join(f"`{key}`" for key in summarised(decisions, decision)))
        for decision, meaning in _NEXT_START.items()
    ]
    text = "What a later start with the same study may set anew; a group stands for all its keys."
    return f"{text}\n\n{_table(('at the next start', 'keys'), rows)}"


def _open(group: str) -> str:
    """Each option of an open group has keys of its own, which its file explains."""
    owner = AgentSettings if group in AGENT_GROUPS else TrialSettings
    parts = [f"Each option has keys of its own: {attributes(owner)[group]}\n"]
    for path in _files(f"conf/{group}"):
        is_default = DEFAULT_OPTIONS[group] == path.stem
        title = f"### {group}={path.stem}" + (", the default" if is_default else "")
        head, fields, foot = read_option(path.read_text(encoding="utf-8"))
        rows = [option_row(f"{group}.{key}", *rest) for key, *rest in fields if key != "name"]
        table = [_key_table(rows)] if rows else []
        blocks = (title, head, *table, foot)
        parts.append("\n\n".join(block.strip() for block in blocks if block) + "\n")
    return "\n".join(parts)


def option_row(key: str, value: str, note: str) -> Row:
    """A key of an open group, whose type is that of its default."""
    default: Any = OmegaConf.to_container(OmegaConf.create(f"value: {value}"))
    known = default["value"] is not None and not value.startswith("${")
    return Row(
        key=key,
        default=f"`{value}`",
        values=_limits(key, type(default["value"])) if known else _limits(key),
        meaning=_sentence(note),
    )


def _sentence(note: str) -> str:
    note = _CODE.sub(r"`\1`", note)
    return f"{note[:1].upper()}{note[1:]}." if note else ""


def read_option(text: str) -> tuple[str, list[tuple[str, str, str]], str]:
    """Reads a file of an open group as people do.

    Args:
        text: Comments, then a line for each key with its value and comment, then comments.

    Returns:
        The comment at the top; key, value and comment of each line; the comment at the bottom.
    """
    comments: tuple[list[str], list[str]] = ([], [])
    fields: list[tuple[str, str, str]] = []
    for line in text.splitlines():
        if line.startswith("#"):
            comments[bool(fields)].append(line.removeprefix("#").strip())
        elif match := _FIELD.fullmatch(line):
            fields.append((match["key"], match["value"], match["note"] or ""))
    return " ".join(comments[0]), fields, " ".join(comments[1])


def attributes(kind: type) -> dict[str, str]:
    """What a class's docstring says of each attribute."""
    _, _, listed = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")
    found: dict[str, str] = {}
    name = ""
    for line in listed.splitlines():
        if match := _ENTRY.fullmatch(line):
            name = match["name"]
            found[name] = match["text"]
        elif name:
            found[name] += f" {line.strip()}"
    return {name: text.strip() for name, text in found.items()}


def introduction(kind: type) -> str:
    """The docstring's own words, without `Group ...:`, which the heading says."""
    text = inspect.cleandoc(kind.__doc__ or "").partition("\n\nAttributes:")[0]
    text = re.sub(r"^(Group|Section) `\w+`[,:.]?\s*", "", text)
    return text[:1].upper() + text[1:]


def key_rows(kind: type, prefix: str, defaults: Mapping[str, Any]) -> list[Row]:
    """The keys of a settings class, those of classes inside it among them."""
    texts = attributes(kind)
    rows: list[Row] = []
    for item in dataclasses.fields(kind):
        key = f"{prefix}.{item.name}" if prefix else item.name
        default = defaults.get(item.name, _class_default(item))
        inner = next(filter(_is_settings, (item.type, *get_args(item.type))), None)
        if inner is not None:
            rows += key_rows(inner, key, default if isinstance(default, Mapping) else {})
            continue
        limits = _limits(key, item.type)
        meaning = texts.get(item.name, "")
        rows.append(Row(key=key, default=shown(default), values=limits, meaning=meaning))
    return rows


def _is_settings(kind: Any) -> bool:
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)


def _class_default(item: "dataclasses.Field[Any]") -> Any:
    if item.default_factory is not dataclasses.MISSING:
        return item.default_factory()
    return item.default


def _limits(key: str, kind: Any = Any) -> str:
    """What a key may be: the rule's words, else its type's."""
    arguments = get_args(kind)
    plain = next((each for each in arguments if each is not NoneType), kind)
    optional = NoneType in arguments
    kind = plain if optional else kind
    words = allowed().get(key) or _KINDS.get(get_origin(kind) or kind, "")
    return f"{words}, or null" if optional and "null" not in words else words


def shown(value: Any) -> str:
    """A value as YAML has it."""
    if value == MISSING:
        return "*to be given*"
    if value is None or isinstance(value, bool):
        return f"`{str(value).lower().replace('none', 'null')}`"
    if isinstance(value, list):
        return f"`[{', '.join(map(str, value))}]`"
    if isinstance(value, dict):
        return f"`{{{', '.join(f'{key}: {item}' for key, item in value.items())}}}`"
    return f"`{value}`"


def _key_table(rows: Iterable[Row]) -> str:
    cells = [(f"`{row.key}`", row.default, row.values, row.meaning) for row in rows]
    return _table(("key", "default", "may be", "meaning"), cells)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    escaped = ([cell.replace("|", r"\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in escaped)


if __name__ == "__main__":
    sys.stdout.write(page())
