"""The live lines at every width, and while a terminal is resized."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from tests.goals import goals
from tests.records import outcome, spec
from tuner.results.console import PlainConsole
from tuner.results.layout import cell
from tuner.results.live import Frame, FrameView, Row, frame_lines, place, wrapped
from tuner.results.terminal import Terminal
from tuner.trial.records import TrialState

RATE = "optimizer.learning_rate"
GOALS = goals(("val_accuracy",))
ROWS = [
    Row(title="9 of 14 trials", share=9 / 14),
    Row(
        slot="slot 0",
        title="trial 12",
        share=0.314,
        score=0.8123,
        rate=40.2,
        parameters=["learning_rate=2.312e-05", "schedule=linear", "warmup_fraction=0.12"],
    ),
    Row(slot="slot 1", title="trial  3", share=0.0, score=-0.5, rate=1234.5),
    Row(slot="slot 10", title="waiting"),
]


def drawn(share, width):
    return Text("━" * round(share * width))


def shown(frame, width, height=24):
    return [line.plain for line in frame_lines(frame, width, height, drawn)]


@pytest.mark.parametrize("width", range(40, 251))
def test_slot_trial_percentage_and_score_are_shown_at_every_width(width):
    facts = [cell("lr_search"), cell("  best val_accuracy 0.8765"), cell(" (trial 7)")]
    lines = shown(Frame(facts=facts, rows=ROWS), width)
    assert max(len(line) for line in lines) <= width
    sweep, first, second, third = lines[-4:]
    assert re.match(r"9 of 14 trials +━+ +64%$", sweep)
    assert re.match(r"slot 0   trial 12 +━+ +31% +0\.8123\b", first)
    assert re.match(r"slot 1   trial  3 +0% +-0\.5000\b", second)
    assert third == "slot 10  waiting"
    assert "0.8765" in " ".join(lines[:-4])
    for column in ("%", "."):
        assert first.index(column) == second.index(column)
    told = first.split("0.8123", 1)[1].split()
    assert told[:2] in ([], ["40", "examples/s"])  # the parameters go first
    named = [word for word in told[2:] if "=" in word]
    assert named == list(ROWS[1].parameters[: len(named)])
    if told[2:] and len(named) < 3:
        assert told[-2:] == [f"+{3 - len(named)}", "more"]


def test_a_wide_terminal_shows_all():
    assert shown(Frame(rows=ROWS), 200)[1].endswith(
        "40 examples/s  learning_rate=2.312e-05 schedule=linear warmup_fraction=0.12"
    )


def test_slots_without_a_line_are_counted():
    rows = [ROWS[0], *(Row(slot=f"slot {i}", title=f"trial {i}", share=0.5) for i in range(40))]
    lines = shown(Frame(facts=[cell("mine")], rows=rows), 80, height=24)
    assert len(lines) == 23
    assert lines[-1] == "and 20 more slots"
    assert lines[-2].startswith("slot 19")


values = st.one_of(st.none(), st.floats(allow_nan=False))
some = st.builds(
    Row,
    slot=st.integers(0, 99).map("slot {}".format),
    title=st.integers(0, 99_999).map("repeat {}".format),
    share=st.floats(0, 1),
    score=values,
    rate=st.floats(0, 1e6),
    parameters=st.lists(st.text("ab=中1", min_size=1, max_size=30), max_size=12),
)


@given(st.lists(some, max_size=5), st.integers(40, 250))
def test_no_line_is_longer_than_the_terminal(slots, width):
    lines = place([ROWS[0], *slots], width)
    assert len({len(line.label) for line in lines}) == 1
    for line in lines:
        assert line.bar == 0 or line.bar >= 3
        parts = [line.label, *(["━" * line.bar] if line.bar else []), line.values]
        assert cell(line.gap.join(parts).rstrip()).cell_len <= width


def test_lines_that_a_narrower_terminal_adds():
    assert wrapped([0, 10, 60, 61, 120, 121], 60) == 0 + 0 + 0 + 1 + 1 + 2


class Screen:
    """A terminal that wraps again what it shows when its width changes, as most do."""

    def __init__(self, width):
        self.lines, self.row = [""], 0
        self.width = width

    def write(self, text):
        for command, letters in re.findall(r"\x1b\[([?\d;]*[A-Za-z])|([^\x1b]+)", text):
            if command == "1A":
                self.row = max(0, self.row - 1)
            elif command == "2K":
                self.lines[self.row] = ""
            for letter in letters:
                self.put(letter)

    def put(self, letter):
        if letter == "\n":
            self.row += 1
            self.lines += [""] * (self.row + 1 - len(self.lines))
        elif letter != "\r":
            self.lines[self.row] += letter

    def resize(self, width):
        below = len(self.lines) - self.row
        self.lines = [
            line[at : at + width]
            for line in self.lines
            for at in range(0, max(1, len(line)), width)
        ]
        self.row, self.width = len(self.lines) - below, width

    def shown(self):
        return [line.rstrip() for line in self.lines if line.strip()]


def test_nothing_is_left_of_the_lines_of_a_wider_terminal(monkeypatch):
    screen = Screen(120)
    file = io.StringIO()
    console = PlainConsole(file=file, force_terminal=True, no_color=True, width=120, height=50)
    terminal = Terminal("val_accuracy", console, keys=[RATE])

    def flush():
        screen.write(file.getvalue())
        file.seek(0)
        file.truncate()

    def resize(width):
        flush()
        screen.resize(width)
        console.width = width

    terminal.begin("mine", 9, [0, 1], goals=GOALS)
    for number in (0, 1):
        terminal.trial_started(number, spec(number=number))
        terminal.progressed(number, 0.5, 40.0)
    for width in (60, 44, 100, 52, 52, 200):
        terminal.notice(f"before {width}")
        resize(width)
        terminal.notice(f"after {width}")
        flush()
        lines = screen.shown()
        assert sum("of 9 trials" in line for line in lines) == 1
        assert sum("slot 0" in line for line in lines) == 1
        assert [line for line in lines if "before" in line or "after" in line][-1] == (
            f"after {width}"
        )
    terminal.end()
    flush()
    told = [
        f"{when} {width}" for width in (60, 44, 100, 52, 52, 200) for when in ("before", "after")
    ]
    assert screen.shown() == told


def test_the_line_of_a_sweep_tells_best_time_and_failures():
    now = [0.0]
    console = PlainConsole(file=io.StringIO(), force_terminal=True, width=80)
    terminal = Terminal("val_accuracy", console, lambda: now[0], keys=[RATE])
    earlier = [outcome(0, value=0.6), outcome(1, state=TrialState.FAILED)]
    terminal.begin("mine", 9, [0], earlier=earlier, goals=GOALS)
    view = FrameView(terminal.frame)
    with console.capture() as first:
        console.print(view)
    assert "best val_accuracy 0.6000 (trial 0)" in first.get()
    assert "1 of 9 trials" in first.get()  # A trial that failed does not count.
    assert "1 failed" in first.get()
    now[0] = 60.0
    terminal.trial_started(0, spec(number=2))
    terminal.trial_finished(0, outcome(2, value=0.7, seconds=60.0))
    terminal.trial_started(0, spec(number=3))
    terminal.trial_finished(0, outcome(3, state=TrialState.FAILED))
    with console.capture() as then:
        console.print(view)
    terminal.end()
    for text in ("0.7000 (trial 2)", "2 of 9 trials", "60 s elapsed", "7 min left", "2 failed"):
        assert text in then.get()


@pytest.mark.parametrize("width", range(60, 130))
def test_the_text_that_a_terminal_writes_on_ctrl_c_wraps_no_line(width):
    row = Row(
        slot="slot 0", title="trial 1", share=0.5, score=0.75, rate=40.0, parameters=["a=1"] * 30
    )
    console = PlainConsole(file=io.StringIO(), force_terminal=True, width=width)
    with console.capture() as shown:
        console.print(FrameView(lambda: Frame(rows=[row])))
    last = Text.from_ansi(shown.get()).plain.splitlines()[-1]
    assert len(f"{last}^C") <= width


@pytest.mark.parametrize(
    "console",
    [
        Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "dumb"}),
        Console(file=io.StringIO()),
    ],
    ids=["dumb terminal", "file"],
)
def test_where_lines_cannot_move_each_event_is_a_new_line(console):
    terminal = Terminal("val_accuracy", console, keys=[RATE])
    terminal.begin("mine", 2, [0], goals=GOALS)
    terminal.trial_started(0, spec(number=0))
    terminal.progressed(0, 0.5, 40.0)
    terminal.reported(0, 0.75)
    terminal.trial_finished(0, outcome(0, value=0.75, parameters={RATE: 1e-5}))
    terminal.end()
    text = console.file.getvalue()
    assert "\x1b" not in text
    joined = " ".join(text.split())
    assert "slot 0 trial 0 starts" in joined
    assert "slot 0 trial 0 50% val_accuracy 0.7500" in joined
    assert "learning_rate=1e-05" in joined
    assert "1 of 2 trials, best val_accuracy 0.7500 (trial 0)" in joined


def test_a_trial_that_ended_is_wrapped_between_its_values():
    parameters = {RATE: 2.31245e-05, "schedule": "linear", "schedule.warmup_fraction": 0.23}
    for width in range(40, 251):
        console = PlainConsole(file=io.StringIO(), force_terminal=True, no_color=True, width=width)
        terminal = Terminal("val_accuracy", console, keys=list(parameters))
        terminal.trial_finished(0, outcome(12, value=-0.5, parameters=parameters, seconds=60.0))
        lines = console.file.getvalue().splitlines()
        assert max(map(len, lines)) <= width
        text = "\n".join(lines)
        for part in ("val_accuracy -0.5000", "60 s", "learning_rate=2.312e-05", "schedule=linear"):
            assert part in text


def test_an_address_stays_whole_and_words_are_wrapped():
    address = "http://127.0.0.1:5000/#/experiments/1/runs?viewStateShareKey=tuner-fcace08f"
    file = io.StringIO()
    console = PlainConsole(file=file, force_terminal=True, no_color=True, width=40)
    Terminal("val_accuracy", console).notice(f"review   mlflow ui (this folder), then {address}")
    first, second, *_ = file.getvalue().splitlines()
    assert first == "review   mlflow ui (this folder), then"
    assert second == address


class Output(io.StringIO):
    def __init__(self, *, is_terminal):
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self):
        return self.is_terminal


def test_a_dumb_terminal_is_as_wide_as_it_is(monkeypatch):
    monkeypatch.setattr("sys.stdout", Output(is_terminal=True))
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "61")
    assert Terminal("val_accuracy").console.width == 61


def test_colour_that_is_asked_for_moves_no_lines_in_a_file(monkeypatch):
    monkeypatch.setattr("sys.stdout", Output(is_terminal=False))
    monkeypatch.setenv("FORCE_COLOR", "1")
    terminal = Terminal("val_accuracy")
    terminal.begin("mine", 2, [0], goals=GOALS)
    terminal.end()
    assert terminal.console.file.getvalue() == ""
