"""Single fine-tunes from Python: a fake one, and a real one whose model predicts."""

import pytest

import tuner
from tests.commands.conftest import OWN

GIVEN = [word for word in OWN if not word.startswith(("sweep=", "tracking.plots", "tracking.log"))]


def test_a_fine_tune_returns_its_model_with_scores_and_settings(folder, fake_workers, capsys):
    model = tuner.train(overrides=[*GIVEN, "optimizer.learning_rate=1e-4"])
    assert model.path.parts[-4:] == ("train", "trials", "00000", "model")
    assert model.scores["val_accuracy"] == pytest.approx(0.9)
    assert model.settings.optimizer.learning_rate == 1e-4
    assert capsys.readouterr().out.count("(objective; higher is better)") == 1


@pytest.mark.parametrize("checkpoint", ["fail", "unsaved"])
def test_a_fine_tune_that_leaves_no_model_raises(folder, fake_workers, checkpoint):
    (folder / checkpoint).symlink_to(folder / "tiny")
    with pytest.raises(tuner.TunerError) as caught:
        tuner.train(overrides=[*GIVEN, f"model.checkpoint={checkpoint}"], quiet=True)
    assert caught.value.exit_code == 1


def test_wrong_input_of_a_fine_tune_is_refused(folder):
    for given in ({}, {"file": "no.yaml"}, {"overrides": "data=csv"}, {"overrides": GIVEN[:2]}):
        with pytest.raises(tuner.InputError):
            tuner.train(**given)
    assert not (folder / "outputs").exists()


@pytest.mark.tf
def test_a_trained_model_predicts_texts(folder):
    model = tuner.train(overrides=[*GIVEN, "training.evaluations=1"], quiet=True)
    found = model.predict(["a wonderful film", "a boring plot"])
    assert model.labels == ("negative", "positive")
    assert [set(each.probabilities) for each in found] == [{"negative", "positive"}] * 2
    for each in found:
        assert sum(each.probabilities.values()) == pytest.approx(1.0, abs=1e-5)
        assert each.probabilities[each.label] == max(each.probabilities.values())
    for wrong in ("one text", [], [1]):
        with pytest.raises(tuner.InputError):
            model.predict(wrong)
    with pytest.raises(tuner.InputError):
        model.predict(["a"], pairs=["b"])
    with pytest.raises(tuner.InputError):
        tuner.Model(folder / "nowhere")
