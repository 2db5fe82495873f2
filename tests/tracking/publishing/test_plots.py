"""Plots of a study, from no trials to all kinds of them."""

import optuna
import pytest

from tuner.tracking.publishing.plots import FRONT, PAGE, PLOTS, draw

OBJECTIVES = ("val_accuracy", "examples_per_second", "peak_memory_bytes", "val_loss")


@pytest.fixture
def study():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(study_name="a <b>", direction="maximize")


def add_trials(study):
    """Ten trials: conditional, categorical, one pruned and one that failed."""
    for number in range(10):
        trial = study.ask()
        rate = trial.suggest_float("optimizer.learning_rate", 1e-6, 1e-2, log=True)
        kind = trial.suggest_categorical("optimizer", ["adamw", "sgd"])
        if kind == "sgd":
            trial.suggest_float("optimizer.momentum", 0.5, 0.99)
        trial.report(rate, 1)
        trial.report(2 * rate, 2)
        state = {3: optuna.trial.TrialState.PRUNED, 5: optuna.trial.TrialState.FAIL}.get(number)
        study.tell(trial, None if state else rate, state=state)


def test_every_plot_is_on_the_page_and_an_image(study, tmp_path):
    add_trials(study)
    page, *images = draw(study, ["val_accuracy"], tmp_path / "plots")
    assert page.name == PAGE
    text = page.read_text()
    assert text.count("Plotly.newPlot(") == len(PLOTS)
    assert "a &lt;b&gt;" in text
    assert "val_accuracy" in text
    assert "cdn.plot.ly" not in text.split("</script>")[-1]
    assert {image.stem for image in images} == set(PLOTS)
    assert all(image.read_bytes().startswith(b"\x89PNG") for image in images)
    assert all(image.stat().st_size > 5_000 for image in images)


def test_a_study_without_trials_has_empty_plots(study, tmp_path):
    page, *images = draw(study, ["val_accuracy"], tmp_path)
    assert page.read_text().count("Plotly.newPlot(") == len(PLOTS)
    assert all(image.exists() for image in images)


def several(count):
    """A study of some of `OBJECTIVES`."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    ways = ["maximize", "maximize", "minimize", "minimize"][:count]
    return optuna.create_study(study_name="several", directions=ways)


def add(study, *values, misses=0.0):
    """A trial that completed with these values; without any, a pruned one."""
    trial = study.ask()
    trial.suggest_float("model.dropout", 0.0, 0.5)
    trial.set_constraint("val_accuracy >=", misses)
    state = None if values else optuna.trial.TrialState.PRUNED
    study.tell(trial, values or None, state=state)


def drawn(study, folder):
    page, *images = draw(study, OBJECTIVES[: len(study.directions)], folder)
    assert all(image.read_bytes().startswith(b"\x89PNG") for image in images)
    text = page.read_text()
    assert text.count("Plotly.newPlot(") == len(images)
    return text, {image.stem for image in images}


@pytest.mark.parametrize("completed", [0, 1, 3])
def test_several_objectives_have_a_front_and_no_intermediate_values(completed, tmp_path):
    study = several(2)
    for number in range(completed):
        add(study, 0.6 + number / 10, 30.0 - number)
    add(study)
    text, names = drawn(study, tmp_path)
    assert names == {*FRONT, *PLOTS} - {"intermediate_values"}
    assert "examples_per_second" in text


def test_what_misses_a_constraint_is_told_apart_on_the_front(tmp_path):
    study = several(2)
    add(study, 0.9, 10.0)
    add(study, 0.3, 90.0, misses=0.4)
    assert "Infeasible Trial" in drawn(study, tmp_path)[0]


def test_four_objectives_have_no_front_that_could_be_seen(tmp_path):
    study = several(4)
    add(study, 0.9, 10.0, 2e9, 0.3)
    add(study, 0.8, 20.0, 1e9, 0.4)
    assert "pareto_front" not in drawn(study, tmp_path)[1]
