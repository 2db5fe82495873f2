"""What is drawn of a study, from none of its trials to all kinds of them."""

import optuna
import pytest

from tuner.publishing.plots import PAGE, PLOTS, draw


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
