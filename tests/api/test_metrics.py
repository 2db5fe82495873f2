"""Users' metrics in sweeps from Python, and in commands on the same study; a fake fine-tunes."""

import json
import sys

import pytest

import tuner
from tests.commands.conftest import OWN
from tuner.__main__ import main
from tuner.metrics import record

FEW = [*OWN[1:], "launcher.slots=1", "sampler=random", "sampler.seed=1", "pruner=none"]
GOALS = ["sweep.objectives=[val_cost]", "sweep.constraints={val_gain: '>= 0.4'}"]

MODULE = """\
import tuner


@tuner.metric("cost", direction="minimize", low=0.0)
def cost(targets, predictions):
    return 2.0 * (targets != predictions.argmax(axis=1)).mean()


@tuner.metric("gain", direction="maximize")
def gain(targets, predictions):
    return (targets == predictions.argmax(axis=1)).mean()
"""


@pytest.fixture
def module(folder, monkeypatch):
    """Metrics in a file beside the user's program, which workers do not have on their path."""
    (folder / "code").mkdir()
    (folder / "code" / "my_metrics.py").write_text(MODULE)
    monkeypatch.syspath_prepend(folder / "code")
    import my_metrics

    yield my_metrics
    del sys.modules["my_metrics"]


def test_a_metric_is_objective_and_constraint_and_a_command_resumes_with_it(
    folder, fake_workers, module, capsys
):
    study = tuner.sweep(
        "mine", overrides=[*FEW, *GOALS, "sweep.n_trials=2"], metrics=[module.cost, module.gain]
    )
    assert "metrics=[my_metrics.cost, my_metrics.gain]" in capsys.readouterr().out
    frame = study.to_frame()
    complete = frame[frame["state"] == "complete"]
    assert len(complete)
    assert complete["val_cost"].to_numpy() == pytest.approx(
        2.0 - 2.0 * complete["val_gain"].to_numpy()
    )
    assert study.best.score == complete["val_cost"].min()
    reports = (study.folder / f"trials/{study.best.number:05}/reports.jsonl").read_text()
    last = json.loads(reports.splitlines()[-1])
    assert 0.0 < last["errors"]["val_cost"] < 0.1

    more = [OWN[0], *FEW, *GOALS, "sweep.n_trials=3"]
    assert main(more) == 0
    assert tuner.load_study("mine").trials[2].scores["val_cost"] >= 0.0
    assert main(["train", "outputs/mine/best.yaml"]) == 0
    assert "(objective; lower is better)" in capsys.readouterr().out


def test_later_starts_measure_what_earlier_ones_did_and_say_where_they_cannot(
    folder, fake_workers, module, capsys, monkeypatch
):
    few = [*FEW, "sweep.n_trials=1"]
    tuner.sweep("mine", overrides=few, metrics=[module.gain])
    words = [OWN[0], *FEW]
    assert main([*words, "sweep.n_trials=2"]) == 0
    assert 0.0 <= tuner.load_study("mine").trials[1].scores["val_gain"] <= 1.0
    capsys.readouterr()
    (folder / "code" / "my_metrics.py").write_text(f"{MODULE}# changed\n")
    del sys.modules["my_metrics"]
    monkeypatch.setattr(record, "_live", {})
    assert main([*words, "sweep.n_trials=3"]) == 0
    assert "val_gain" not in tuner.load_study("mine").trials[2].scores
    shown = " ".join("".join(capsys.readouterr()).split())
    assert "its module is another one here" in shown


def test_a_metric_that_fails_is_refused_before_the_first_trial(folder, fake_workers, module):
    @tuner.metric("half", direction="maximize")
    def half(targets, predictions):
        return targets / 0

    with pytest.raises(tuner.InputError, match="half"):
        tuner.sweep("mine", overrides=[*FEW, "launcher=debug"], metrics=[half])
    assert not (folder / "outputs/mine/study.db").exists()


def test_a_function_of_a_notebook_needs_the_debug_launcher(folder, fake_workers):
    @tuner.metric("near", direction="maximize")
    def near(targets, predictions):
        return (targets == 1).mean()

    with pytest.raises(tuner.InputError, match="launcher=debug"):
        tuner.sweep("mine", overrides=FEW, metrics=[near])
    with pytest.raises(tuner.InputError, match="launcher=debug"):
        tuner.train(overrides=["model.checkpoint=tiny", *OWN[3:7]], metrics=[near])
    assert not (folder / "outputs").exists()


def test_an_unknown_objective_lists_what_there_is(folder, fake_workers):
    with pytest.raises(tuner.InputError, match=r"(?s)val_cost.*val_accuracy.*metrics="):
        tuner.sweep("mine", overrides=[*FEW, *GOALS])
