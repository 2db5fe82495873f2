"""Labels, checkpoints and studies are shown as users wrote them."""

import io
import os
import subprocess
import sys

import pytest
from rich.table import Table
from rich.text import Text

from tests.goals import goals
from tests.records import outcome
from tuner.errors import InputError
from tuner.files.streams import READABLE, write_result
from tuner.formatting.markdown import code, prose, table
from tuner.formatting.printable import printable
from tuner.results.console import PlainConsole
from tuner.results.tables import ranking_table
from tuner.results.terminal import Terminal, outcome_line, print_line
from tuner.trial.records import TrialState

HOSTILE = ["a[/v]", "tiny [v2]", "tiny [v3]", "[bold]x", ":warning:", "[link=x]y[/link]", "\\[x]"]
GOALS = goals(("val_accuracy",))


def shown(draw, **settings):
    file = io.StringIO()
    draw(PlainConsole(file=file, width=200, **settings))
    return file.getvalue()


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("is_terminal", [True, False])
def test_brackets_and_colons_are_text_in_every_place(name, is_terminal):
    ended = outcome(1, value=0.5, parameters={"model.checkpoint": name})

    def draw(console):
        console.print(ranking_table([ended], GOALS, ["model.checkpoint"]))
        print_line(console, name)
        print_line(console, outcome_line(ended, "val_accuracy"))
        table = Table(title=name)
        table.add_column(name)
        table.add_row(name)
        console.print(table)

    plain = Text.from_ansi(shown(draw, force_terminal=is_terminal)).plain
    assert plain.count(name) == 6


@pytest.mark.parametrize("name", HOSTILE)
def test_the_live_lines_show_names_as_they_are(name):
    file = io.StringIO()
    console = PlainConsole(file=file, force_terminal=True, width=200)
    terminal = Terminal("val_accuracy", console)
    terminal.begin(name, total=2, slots=[0])
    terminal.end()
    assert name in Text.from_ansi(file.getvalue()).plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("bell\x07", "bell\\x07"),
        ("a\rb", "a\\rb"),
        ("\x9b31m", "\\x9b31m"),
        ("abc\u202edef", "abc\\u202edef"),
        ("half \ud800", "half \\ud800"),
        ("line\nnext\ttab", "line\nnext\ttab"),
        ("é 中文 👩‍👩‍👧 naïve\xa0", "é 中文 👩‍👩‍👧 naïve\xa0"),
    ],
)
def test_what_steers_a_terminal_is_shown_as_an_escape(text, expected):
    assert printable(text) == expected
    said = shown(lambda console: print_line(console, text))
    assert expected.replace("\t", " ").split()[0] in said
    assert "\x1b" not in said
    assert "\x9b" not in said
    table = Table()
    table.add_column("label")
    table.add_row(text)
    assert "\x1b[2J" not in shown(lambda console: console.print(table))
    assert str(InputError(text)) == printable(text, keep="\n")


def test_every_failed_trial_of_any_name_has_its_line():
    ended = outcome(1, state=TrialState.FAILED, value=None, parameters={"model": "a[/v]\x1b[1m"})
    file = io.StringIO()
    Terminal("val_accuracy", PlainConsole(file=file)).notice(
        outcome_line(ended, "val_accuracy").plain
    )
    assert "a[/v]\\x1b[1m" in file.getvalue()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "cp1252"])
def test_output_in_any_encoding_reaches_its_end(encoding):
    done = subprocess.run(
        [sys.executable, "-m", "tuner", "sweep=中文 → é"],
        env=os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": os.getcwd()},  # noqa: PTH109
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    said = done.stderr.decode(encoding)
    assert "tuner: " in said
    assert ("中文" if encoding == "utf-8" else "\\u4e2d\\u6587") in said


def test_symbols_that_an_encoding_lacks_become_ascii():
    assert "a → b · c … é".encode("ascii", READABLE) == b"a -> b | c ... \\xe9"
    assert "a → é".encode("latin-1", READABLE) == b"a -> \xe9"


def test_a_result_is_written_unchanged_or_refused(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1", errors=READABLE)
    monkeypatch.setattr("sys.stdout", stream)
    write_result("é", "export.output=FILE")
    with pytest.raises(InputError) as caught:
        write_result("label: 中", "export.output=FILE")
    assert "latin-1" in caught.value.problem
    assert "export.output=FILE" in caught.value.remedy
    stream.flush()
    assert stream.buffer.getvalue() == b"\xe9"


def test_cells_of_a_markdown_table_have_space_around_them():
    assert table(["class", "F1"], [["good", "0.9"]]) == [
        "| \N{NO-BREAK SPACE}class\N{NO-BREAK SPACE} | \N{NO-BREAK SPACE}F1\N{NO-BREAK SPACE} |",
        "|---|---|",
        "| \N{NO-BREAK SPACE}good\N{NO-BREAK SPACE} | \N{NO-BREAK SPACE}0.9\N{NO-BREAK SPACE} |",
    ]


def test_markdown_shows_values_as_they_are():
    assert code("a|b") == r"`a\|b`"
    assert code("a`b") == "`` a`b ``"
    assert prose("<b>*x*</b>\n[y](z)|") == r"&lt;b&gt;\*x\*&lt;/b&gt; \[y\](z)\|"
