"""Tables and lines in terminals of any width: every value is shown whole."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.text import Text

from tests.goals import goals
from tests.records import outcome
from tuner.confirmation import Configuration, Confirmation, Estimate
from tuner.results.console import PlainConsole
from tuner.results.layout import Column, arrange, cell, fill, table_lines
from tuner.results.tables import confirmation_table, ranking_table
from tuner.trial.records import Convergence, Diagnosis, TrialState

WIDTHS = range(40, 251)
ONE = goals(["val_accuracy"])
SEVERAL = goals(
    ["val_accuracy", "examples_per_second", "val_loss"], {"peak_memory_bytes": "<= 2e9"}
)
STATUS = {
    state: Diagnosis(status=status, reason="", advice="")
    for state, status in [
        (TrialState.COMPLETE, Convergence.UNDETERMINED),
        (TrialState.PRUNED, Convergence.NOT_LEARNING),
    ]
}


def lines(table, width, **more):
    """Lines shown on a terminal of a given width."""
    console = PlainConsole(width=width, **more)
    with console.capture() as shown:
        console.print(table)
    return Text.from_ansi(shown.get()).plain.splitlines()


def trials(parameters, scores=(0.9123, 0.5, -0.1234), measured=None):
    """Two that completed, one that was pruned."""
    return [
        outcome(
            number,
            state,
            value=value,
            parameters=parameters,
            measured=measured or {},
            diagnosis=STATUS[state],
            seconds=12_345.6,
        )
        for number, state, value in zip(
            (3, 1234, 0), (TrialState.COMPLETE, TrialState.COMPLETE, TrialState.PRUNED), scores,
            strict=True,
        )
    ]  # fmt: skip


USUAL = {
    "optimizer.learning_rate": 2.31245e-05,
    "schedule": "linear",
    "schedule.warmup_fraction": 0.23431,
}
MANY = {
    f"training.a_longer_key_{i}": (-1.23456e-07, 123456789, "cosine")[i % 3] for i in range(12)
}
LONG = {"model.checkpoint": "organisation/" + "a-very-long-name-of-a-checkpoint-" * 6, **USUAL}
WIDE = {"data.prompt": "模型很好" * 3, "data.other": "é👍🏽x", **USUAL}
AMBIGUOUS = {"optimizer.rate": 1e-30, "schedule.rate": -1.5e300, "rate": True, "x": None}
FIGURES = re.compile(r"(?<![\w.+-])-?\d[\d.]*(?:e[+-]\d+)?(?![\w.])")


@pytest.mark.parametrize("parameters", [{}, USUAL, MANY, LONG, WIDE, AMBIGUOUS])
@pytest.mark.parametrize("aim", [ONE, SEVERAL], ids=["one", "several"])
def test_the_ranking_shows_every_value_whole_at_every_width(parameters, aim):
    measured = {
        "val_accuracy": 0.9123, "examples_per_second": 12345.678, "val_loss": -0.0421,
        "peak_memory_bytes": 1.5e9,
    }  # fmt: skip
    ordered = trials(parameters, measured=measured if aim is SEVERAL else None)
    table = ranking_table(ordered, aim, list(parameters))
    everything = lines(table, 10_000)
    numbers = {number for line in everything[1:] for number in FIGURES.findall(line)}
    texts = {str(value) for value in parameters.values() if isinstance(value, str)}
    for width in WIDTHS:
        shown = [line.plain for line in table_lines(table.columns, width)]
        assert max(Text(line).cell_len for line in shown) <= width
        together = "\n".join(shown)
        assert "…" not in together
        assert "..." not in together
        said = set(FIGURES.findall(together.replace("=", " ")))
        assert numbers - {"12346"} <= said  # seconds are left out first
        bare = re.sub(r"\s+", "", together)
        assert all(text in bare for text in texts)


def test_what_a_person_sees_in_60_80_and_100_columns():
    table = ranking_table(trials(USUAL), ONE, list(USUAL))
    assert lines(table, 60) == [
        "                 val_  learning_             warmup_",
        "rank  trial  accuracy       rate  schedule  fraction",
        "   1      3    0.9123  2.312e-05    linear    0.2343",
        "   2   1234    0.5000  2.312e-05    linear    0.2343",
        "          0            2.312e-05    linear    0.2343",
        "not shown in 60 columns: state, convergence, seconds",
    ]
    assert lines(table, 80)[0].split() == ["val_", "learning_", "warmup_"]
    assert lines(table, 80)[-1] == "not shown in 80 columns: seconds"
    assert lines(table, 110)[0].split() == [
        "rank", "trial", "val_accuracy", "state", "convergence", "learning_rate", "schedule",
        "warmup_fraction", "seconds",
    ]  # fmt: skip


def test_many_parameters_stand_below_their_trial_by_name():
    shown = lines(ranking_table(trials(MANY)[:1], ONE, list(MANY)), 80)
    assert shown[0].split() == [
        "rank", "trial", "val_accuracy", "state", "convergence", "seconds",
    ]  # fmt: skip
    below = " ".join(shown[2:]).split()
    assert below[:2] == ["a_longer_key_0=-1.235e-07", "a_longer_key_1=123456789"]
    assert len(below) == len(MANY)


def test_a_parameter_that_a_trial_lacks_is_not_named_below_it():
    ordered = [outcome(0, parameters=MANY), outcome(1, parameters={"training.a_longer_key_1": 7})]
    shown = lines(ranking_table(ordered, ONE, list(MANY)), 60)
    assert shown[-1].split() == ["a_longer_key_1=7"]


@pytest.mark.parametrize("settings", [{"no_color": True}, {"force_terminal": True}])
def test_colour_changes_nothing_but_colour(settings):
    table = ranking_table(trials(USUAL), ONE, list(USUAL))
    assert lines(table, 80, **settings) == lines(table, 80)


def test_elsewhere_than_on_a_terminal_a_row_is_one_line():
    assert len(lines(ranking_table(trials(LONG), ONE, list(LONG)), 1000)) == 4


def test_the_confirmations_are_shown_whole_at_every_width():
    configurations = [
        Configuration(
            trial=12345,
            promised=0.9234,
            scores={1: 0.9, 2: 0.8},
            estimate=Estimate(mean=mean, margin=0.1, low=-0.1234, high=0.9876),
            broken=1,
            raced_out=mean == -0.5,
            not_learning=1,
        )
        for mean in (0.8512, -0.5, 3.2e-05)
    ]
    table = confirmation_table(
        Confirmation(
            configurations=tuple(configurations), seeds=5, luck=0.0, lead=None, optimism=None
        )
    )
    notes = "1 diverged, learned nothing or missed a constraint"
    for width in WIDTHS:
        shown = [line.plain for line in table_lines(table.columns, width)]
        together = " ".join(" ".join(shown).split())
        assert max(map(len, shown)) <= width
        assert "…" not in together
        assert together.count(notes) == 3
        for text in ("12345", "0.9234", "0.8512", "-0.5000", "3.2e-05", "-0.1234 to 0.9876"):
            assert text in together


word = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=60)
number = st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.none(), word)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.from_regex(r"([a-z_]{1,20}\.){0,2}[a-z_]{1,30}", fullmatch=True), number,
                    max_size=12),
    st.floats(allow_infinity=False, allow_nan=False),
    st.integers(40, 250),
)  # fmt: skip
def test_no_line_is_longer_than_the_terminal_whatever_is_searched(parameters, value, width):
    ordered = [outcome(0, value=value, parameters=parameters)]
    shown = lines(ranking_table(ordered, ONE, list(parameters)), width)
    assert all(Text(line).cell_len <= width for line in shown)
    assert len(shown) >= 2


@given(
    st.lists(st.text("ab=中 ", min_size=1, max_size=50).map(cell), max_size=8),
    st.integers(10, 80),
    st.integers(0, 12),
)
def test_lines_hold_all_parts_and_fit(parts, width, indent):
    filled = fill(parts, width, indent)
    assert all(line.cell_len <= width for line in filled)

    def bare(texts):
        return "".join("".join(each.plain for each in texts).split())

    assert bare(filled) == bare(parts)


def test_a_name_too_long_for_a_line_leaves_its_value_whole():
    filled = fill([cell("name_of_a_key=2.345e-05")], 20)
    assert [line.plain for line in filled] == ["name_of_a_key=", "2.345e-05"]


def test_columns_are_dropped_in_turn_before_any_moves():
    columns = [
        Column(heading="a", cells=[cell("x" * 10)]),
        Column(heading="b", cells=[cell("x" * 10)], move_order=0, label="b="),
        Column(heading="c", cells=[cell("x" * 10)], drop_order=1),
        Column(heading="d", cells=[cell("x" * 10)], drop_order=0),
    ]
    found = [arrange(columns, width) for width in (46, 34, 22, 10)]
    assert [layout.dropped for layout in found] == [(), (3,), (2, 3), (2, 3)]
    assert [layout.below for layout in found] == [(), (), (), (1,)]
