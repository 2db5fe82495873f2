"""Pages of `--help`: a command, the groups, one group with its options, one key."""

import shutil
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from tuner.commands.command_help import HELP
from tuner.commands.command_words import PRINTING
from tuner.config.catalog import SECTIONS, STUDY, Catalog, OptionEntry, summary
from tuner.config.reference import Row
from tuner.config.schema import DEFAULT_OPTIONS, GROUPS, SWEEP
from tuner.errors import InputError
from tuner.formatting.printable import printable
from tuner.formatting.suggestion import nearest, nearest_key, one_of

GROUPS_TOPIC = "groups"
"""Word that asks for all groups."""

_WIDEST = 80
"""Maximal width of a page; also the width if the output is no terminal."""

_NARROWEST = 40
"""Minimal width; on a narrower terminal the terminal wraps the lines."""

_INDENT = "      "


def command_page(command: str, meaning: str, folder: Path) -> str:
    """Return the help of a command.

    Args:
        command: Name of the command.
        meaning: Description in one line.
        folder: Folder that contains the user's conf/.
    """
    found = HELP[command]
    lines = _wrapped(f"tuner {command}: {meaning}", "")
    lines += ["", f"usage: tuner {_usage(command, found.usage)}"]
    lines += ["", "examples", *(f"  {example}" for example in found.examples)]
    lines += ["", "options", *_options(command)]
    catalog = Catalog(folder)
    for section in found.sections:
        lines += _section(section, found.keys.get(section), catalog)
    return _page(lines)


def groups_page(folder: Path) -> str:
    """Return the groups, each with its default option and the others."""
    lines = ["configuration groups: GROUP=OPTION selects an option", ""]
    catalog = Catalog(folder)
    for group in (*GROUPS, SWEEP):
        entries = catalog.options(group)
        usual = next((entry for entry in entries if entry.is_default), None)
        lines.append(f"{group}={usual.name}" if usual else f"{group}=NAME")
        if usual:
            lines += _short(usual.meaning)
        others = [entry.name for entry in entries if entry is not usual]
        if others:
            lines += _wrapped(f"{'others' if usual else 'one of'}: {', '.join(others)}")
    lines += ["", *_wrapped("tuner --help GROUP lists a group's options and keys", "")]
    return _page(lines)


def topic_page(topic: str, commands: Mapping[str, str], folder: Path) -> str:
    """Return the help on a word after `--help`.

    Args:
        topic: A command, `groups`, a group, `GROUP=OPTION`, or a key.
        commands: Command to its description.
        folder: Folder that contains the user's conf/ and sweeps/.

    Raises:
        InputError: The topic is unknown, or the file of an option is wrong.
    """
    group, _, option = topic.partition("=")
    if topic == GROUPS_TOPIC:
        return groups_page(folder)
    is_group = group in (*GROUPS, SWEEP)
    if topic in commands and not is_group:
        return command_page(topic, commands[topic], folder)
    catalog = Catalog(folder)
    if is_group:
        return _group_page(group, option or None, catalog)
    if group in (*SECTIONS, *STUDY):
        return _page(_section(group, None, catalog)[1:])
    row = catalog.key(group)
    if row is not None:
        return _page(_whole_key(row))
    raise _no_help(topic, commands, catalog)


def _no_help(topic: str, commands: Collection[str], catalog: Catalog) -> InputError:
    names = [*commands, GROUPS_TOPIC, *GROUPS]
    near = nearest_key(topic, catalog.names()) or nearest(topic, names)
    return InputError(
        f"there is no help page for {topic!r}",
        where="command line",
        remedy=f"type tuner --help {near}" if near else one_of(topic, names),
    )


def _group_page(group: str, option: str | None, catalog: Catalog) -> str:
    lines = [f"options of {group}: {group}=NAME selects one", ""]
    for entry in catalog.options(group):
        lines += _option_lines(group, entry)
    if group == SWEEP:
        return _page(
            [*lines, "", "keys of a sweep", *_keys(catalog.keys(group)), "",
             "tuner sweep --help shows how to run one"]
        )  # fmt: skip
    lines += ["", f"keys of {group}={option or DEFAULT_OPTIONS[group]}"]
    return _page([*lines, *_keys(catalog.keys(group, option))])


def _option_lines(group: str, entry: OptionEntry) -> Iterator[str]:
    marks = [mark for mark, holds in (("the default", entry.is_default),
                                      ("your own", entry.is_own)) if holds]  # fmt: skip
    yield f"  {group}={entry.name}" + (f"  ({', '.join(marks)})" if marks else "")
    yield from _short(entry.meaning)


def _usage(command: str, usage: str) -> str:
    return usage if usage.startswith("[sweep]") else f"{command} {usage}"


def _options(command: str) -> Iterator[str]:
    yield "  -h, --help        this text; tuner --help GROUP lists a group's options"
    yield "  -q, --quiet       only warnings, errors and results"
    if command in PRINTING:
        yield "  --cfg job         print the composed configuration and stop"


def _section(section: str, wanted: Sequence[str] | None, catalog: Catalog) -> list[str]:
    rows = [row for row in catalog.keys(section) if wanted is None or row.key in wanted]
    title = f"{section}={DEFAULT_OPTIONS[section]}" if section in GROUPS else section
    title += f"  (tuner --help {section} lists others)" if section in GROUPS else ""
    return ["", title, *_keys(rows)] if section not in STUDY else ["", *_keys(rows)]


def _keys(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        yield _assignment(row)
        yield from _short(row.meaning or row.values)


def _assignment(row: Row) -> str:
    default = row.default.strip("`")
    text = f"  {row.key}={default}"
    if default.startswith("*"):
        text = f"  {row.key}=  (required)"
    return text if len(text) <= _width() else f"{text[: _width() - 1]}…"


def _whole_key(row: Row) -> Iterator[str]:
    yield f"{row.key}={row.default.strip('`*')}"
    yield from _wrapped(row.meaning.replace("`", ""))
    yield from _wrapped(f"may be: {row.values}") if row.values else ()


def _short(text: str) -> Iterator[str]:
    """Yield one indented line, cut between words."""
    if text:
        columns = max(_width(), _NARROWEST) - len(_INDENT)
        yield _INDENT + summary(text, columns)


def _wrapped(text: str, indent: str = _INDENT) -> list[str]:
    return textwrap.wrap(
        text,
        max(_width(), _NARROWEST),
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )


def _width() -> int:
    return min(shutil.get_terminal_size((_WIDEST, 24)).columns or _WIDEST, _WIDEST)


def _page(lines: Sequence[str] | Iterator[str]) -> str:
    return "\n".join(printable(line).rstrip() for line in lines)
