"""Content of the page; its look is not tested."""

import json
import math
import re

import pytest

from tests.records import GUESS, report
from tests.results.html.studies import (
    ADAMW,
    BOTH,
    NOON,
    SGD,
    curve,
    diagnosis,
    ended,
    reading,
    shown,
    traded,
    unfinished,
)
from tuner.results.html.figures import importances, loss_range
from tuner.results.html.page import render
from tuner.results.html.panels import panel
from tuner.results.html.style import STATUS_COLOURS, duration, nice_ticks, tick
from tuner.study.reader import Phase
from tuner.trial.records import Convergence, TrialState

CURVES = ("curves-val_loss", "curves-val_accuracy")


def page(study, **given):
    """The page without Plotly's own code."""
    text = render(study, reading(study), NOON, **given)
    start = text.index("<script>")
    return text[:start] + text[text.index("</script>", start) :]


def figures(text):
    return json.loads(re.search(r"^const figures = (.*);$", text, re.MULTILINE).group(1))


def test_every_trial_stands_there_with_its_status_reason_and_advice():
    study = shown(
        ended(0, diagnosis=diagnosis("improving", "still fell by 0.1", "training.epochs: try 6")),
        ended(1, TrialState.PRUNED, parameters=SGD, diagnosis=diagnosis("not_learning", "flat")),
        unfinished(2),
        unfinished(3, Phase.WAITING),
        reports={0: curve(0.6, 0.5), 1: curve(0.7), 2: curve(0.7)},
    )
    text = page(study)
    for expected in ("improving", "not learning", "still fell by 0.1", "training.epochs: try 6"):
        assert expected in text
    assert text.count("<svg") == 3
    assert "1 running" in text
    assert "1 waiting" in text
    assert set(figures(text)) == {*CURVES, "parallel", "timeline"}


def test_the_points_that_decided_are_ringed():
    study = shown(ended(0, diagnosis=diagnosis(points=[2, 3])), reports={0: curve(0.6, 0.5, 0.4)})
    assert panel(study.trials[0], (0.0, 1.0)).count("decided the status") == 2


def test_the_page_loads_nothing_from_anywhere():
    text = page(shown(ended(0), reports={0: curve(0.6)}))
    assert not re.search(r"https?:|//[a-z]|@import|url\(|<link|<img|<iframe|src=", text)
    assert "default-src 'none'" in text


def test_texts_of_users_are_escaped():
    evil = "<script>alert(1)</script>"
    study = shown(
        ended(
            0,
            parameters={"data.where.</script><b>": evil, **ADAMW},
            diagnosis=diagnosis(reason=evil, advice=evil),
            host=evil,
        ),
        ended(1, host="other"),
        reports={0: curve(0.6)},
        name=evil,
    )
    text = page(study)
    assert "<script>alert" not in text
    assert "</script><b>" not in text
    assert "&lt;script&gt;alert(1)" in text
    drawn = json.dumps(figures(text), ensure_ascii=False)
    assert "<script>" not in drawn


def test_losses_that_are_no_numbers_leave_sound_json_and_an_arrow():
    study = shown(
        ended(0, TrialState.PRUNED, diagnosis=diagnosis("diverged", points=[2])),
        ended(1),
        reports={0: curve(0.6, math.nan), 1: curve(0.6, 0.5)},
    )
    text = page(study)
    assert "NaN" not in json.dumps(figures(text))
    drawing = panel(next(t for t in study.trials if t.number == 0), loss_range(study))
    assert "nan" not in re.sub("<title>.*?</title>", "", drawing)


def test_a_study_without_trials_and_one_without_reports_have_a_page():
    assert "no trial completed yet" in page(shown())
    told = {1: {"val_accuracy": 0.6}, 2: {"val_accuracy": 0.7}}
    assert "its curves are where it ran" in page(shown(ended(0, values=told)))
    assert "it ended before the first" in page(shown(ended(0, TrialState.FAILED)))


def test_the_headline_says_what_tuning_gained():
    both = shown(ended(0, value=0.7), ended(1, value=0.75))
    assert "0.0500 better than the untuned default (0.7000)" in page(both)
    assert "tuning gained nothing" in page(shown(ended(0, value=0.7)))
    loss = shown(ended(0, value=0.7), ended(1, value=0.5), objectives=("val_loss",))
    assert "0.2000 better" in page(loss)
    assert "smaller is better" in page(loss)


def test_the_constant_guess_is_a_line_where_it_is_known():
    study = shown(ended(0, guess=GUESS), reports={0: curve(0.6, 0.5)})
    drawn = figures(page(study))
    heights = [drawn[name]["layout"]["shapes"][0]["y0"] for name in CURVES]
    assert heights == [GUESS.loss, GUESS.score]
    f1 = shown(ended(0, guess=GUESS), objectives=("val_macro_f1",), reports={0: curve(0.6, 0.5)})
    assert "shapes" not in figures(page(f1))["curves-val_macro_f1"]["layout"]
    unknown = shown(ended(0), reports={0: curve(0.6, 0.5)})
    assert "shapes" not in figures(page(unknown))["curves-val_loss"]["layout"]


def test_only_a_followed_page_loads_itself_again():
    assert 'http-equiv="refresh"' not in page(shown(ended(0)))
    assert 'http-equiv="refresh" content="30"' in page(shown(ended(0)), refresh=30)


def test_every_status_has_a_colour_of_its_own():
    assert set(STATUS_COLOURS) == set(Convergence)
    assert len(set(STATUS_COLOURS.values())) == len(Convergence)


def test_a_blown_up_loss_does_not_stretch_the_axis():
    study = shown(
        ended(0),
        ended(1, diagnosis=diagnosis("overfitting")),
        reports={0: curve(0.7, 0.6, 0.5), 1: [*curve(0.7, 0.6), report(3, val_loss=40.0)]},
    )
    low, high = loss_range(study)
    assert 0.0 <= low < 0.5
    assert 0.7 < high < 2.0


def test_the_largest_importance_is_on_top():
    bars = importances({"a": 0.8, "b": 0.2})["data"][0]
    assert (bars["y"], bars["text"]) == (["b", "a"], ["20%", "80%"])


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.0, 1.0, [0.0, 0.5, 1.0]), (0.1, 0.76, [0.25, 0.5, 0.75]), (3.0, 3.0, [3.0])],
)
def test_ticks_are_round(low, high, expected):
    assert nice_ticks(low, high, 3) == expected


def test_numbers_as_people_read_them():
    assert [duration(s) for s in (0.43, 59, 150, 7300)] == ["0.4 s", "59 s", "2 min", "2 h 02 min"]
    assert [tick(x) for x in (0.0, 1e-6, 2.5e-5, 0.25, 1e6)] == [
        "0", "1e-6", "2.5e-5", "0.25", "1e6",
    ]  # fmt: skip


def test_of_one_objective_nothing_is_traded_off():
    text = page(shown(ended(0), ended(1)))
    for word in ("Trade-offs", "knee", ">front<", "misses", "a constraint"):
        assert word not in text


def test_several_objectives_have_a_column_a_curve_and_a_plot_each():
    three = (*BOTH, "peak_memory_bytes")
    trials = traded((0.9, 10.0, 2e9), (0.8, 30.0, 1e9), (0.7, 5.0, 3e9), objectives=three)
    study = shown(*trials, objectives=three, reports={0: curve(0.6, 0.5)})
    text = page(study)
    assert {name for name in figures(text) if "_" in name} == {
        *CURVES, "curves-examples_per_second", "curves-peak_memory_bytes",
        "trade-off-examples_per_second", "trade-off-peak_memory_bytes",
    }  # fmt: skip
    assert "peak_memory_bytes, smaller is better" in text
    assert "the knee of 2 trials on the front" in text
    assert (text.count("<td>knee</td>"), text.count("<td>yes</td>")) == (1, 1)
    assert all(f">{name.replace('_', '_<wbr>')}</th>" in text for name in three)


def test_the_untuned_default_is_told_in_every_objective():
    study = shown(*traded((0.7, 20.0), (0.9, 10.0), (0.8, 40.0)), objectives=BOTH)
    assert "untuned: val_accuracy 0.7000, examples_per_second 20" in page(study)


def test_what_misses_a_constraint_is_said_also_where_all_do():
    trial = ended(0, value=0.6, violated=("val_accuracy 0.6, not >= 0.8",))
    text = page(shown(trial, constraints={"val_accuracy": ">= 0.8"}))
    assert "none of the 1 completed trials meets the constraints" in text
    assert "misses val_accuracy 0.6, not &gt;= 0.8" in text
    assert "with val_accuracy &gt;= 0.8" in text
