"""The leading configurations trained again, through the command; only the fine-tune is a fake.

Its noise is a function of seed and learning rate: 1e-4 is the luckiest with the search's seed,
8e-5 the best with the seeds after it, and the untuned default, 5e-5, is behind both.
"""

import os
import shlex
import shutil
import signal
import threading

import pytest
import yaml
from mlflow import MlflowClient

from tests.agents import until
from tests.commands.conftest import OWN
from tuner.__main__ import main
from tuner.trial.folder import StudyFolder

NOISY = [
    *OWN, "model.checkpoint=noisy:0.01", "training.evaluations=2", "launcher.slots=1",
    "optimizer.learning_rate=choice(1e-6, 1e-4, 8e-5)", "schedule=linear", "sampler=grid",
    "pruner=none", "sweep.n_trials=4", "convergence.not_learning_patience=null",
    "convergence.converged_patience=null",
]  # fmt: skip


def confirm(top, seeds):
    return f"sweep.confirm={{top: {top}, seeds: {seeds}}}"


@pytest.fixture
def noisy(folder, fake_workers):
    (folder / "noisy:0.01").symlink_to(folder / "tiny")
    return folder


def read(file):
    return yaml.safe_load(file.read_text())


def rates(folder):
    """Learning rate of each repeat that was begun, in order."""
    begun = sorted((folder / "outputs/mine/confirm/trials").iterdir())
    return [read(trial / "config.yaml")["optimizer"]["learning_rate"] for trial in begun]


def test_the_luckiest_of_the_search_is_not_the_confirmed_best(noisy, capsys, mlflow_uri):
    assert main([*NOISY, confirm(3, 4)]) == 0
    printed = capsys.readouterr().out
    assert "the best 3 are trained again with 4 new seeds each" in printed
    assert "can no longer win and is repeated no more: it is behind trial" in printed
    assert "Confirmed best: trial" in printed
    assert "without the luck of being the best of 3 means" in printed
    assert "The search's best trial had promised" in printed
    assert rates(noisy).count(8e-5) == rates(noisy).count(1e-4) == 4
    assert 2 <= rates(noisy).count(5e-5) < 4  # Raced out.
    assert 1e-6 not in rates(noisy)

    best = read(noisy / "outputs/mine/best.yaml")
    assert best["optimizer"]["learning_rate"] == 8e-5
    assert best["training"]["seed"] == 0
    told = best["provenance"]["confirmed"]
    assert told["seeds"] == [1, 2, 3, 4]
    assert told["interval"][0] < told["mean"] < told["interval"][1]
    assert told["corrected_mean"] < told["mean"]
    kept = read(noisy / "outputs/mine/best_model/best.yaml")
    assert kept["optimizer"]["learning_rate"] == 8e-5
    assert kept["training"]["seed"] in told["seeds"]
    (made,) = noisy.glob("outputs/mine/confirm/trials/*/model")
    assert (made / "model.safetensors").samefile(
        noisy / "outputs/mine/best_model/model.safetensors"
    )

    client = MlflowClient(mlflow_uri)
    everything = [client.get_experiment_by_name("mine").experiment_id]
    repeats = client.search_runs(everything, "tags.role = 'confirm'")
    winner = str(best["provenance"]["trial"])
    of_winner = {run.info.run_name: run for run in repeats if run.data.tags["confirms"] == winner}
    assert set(of_winner) == {f"trial-{int(winner):05d}-seed-{seed}" for seed in (1, 2, 3, 4)}
    assert {run.data.tags["study"] for run in repeats} == {"mine"}
    assert not any("trial_number" in run.data.tags for run in repeats)
    assert {run.data.params["optimizer.learning_rate"] for run in of_winner.values()} == {"8e-05"}
    assert len(client.search_runs(everything, "tags.role = 'trial'")) == 4
    sweep = client.search_runs(everything, "tags.role = 'sweep'")[0]
    assert sweep.data.metrics["confirmed_objective"] == pytest.approx(told["mean"])
    assert sweep.data.metrics["search_optimism"] > 0
    assert "**Confirmed with new seeds**" in sweep.data.tags["mlflow.note.content"]

    assert main(["export", "study=mine"]) == 0
    exported = yaml.safe_load(capsys.readouterr().out)
    assert exported["provenance"]["confirmed"] == told
    assert main(["export", "study=mine", "export.trial=0", "export.format=json"]) == 0
    assert '"trial": 0' in capsys.readouterr().out
    assert main(["report", "study=mine"]) == 0
    assert "Confirmed best: trial" in capsys.readouterr().out
    assert "Confirmed with new seeds" in (noisy / "outputs/mine/report.html").read_text()


def test_a_confirmation_goes_on_where_it_was_stopped_and_takes_more_seeds(noisy, capsys):
    repeats = noisy / "outputs/mine/confirm/trials"

    def stop():
        until((repeats / "00001").exists)
        os.kill(os.getpid(), signal.SIGINT)

    stopping = threading.Thread(target=stop)
    stopping.start()
    assert main([*NOISY, confirm(2, 2)]) == 130
    stopping.join()
    printed = capsys.readouterr().out
    resume = next(line for line in printed.splitlines() if line.startswith("resume "))
    assert shlex.split(resume)[-1] == confirm(2, 2)
    assert "Confirmed best" not in printed
    assert "confirmed" not in read(noisy / "outputs/mine/best.yaml")["provenance"]

    assert main([*NOISY, confirm(2, 2)]) == 0
    assert len(rates(noisy)) == 4
    assert "over 2 new seeds" in capsys.readouterr().out
    best = read(noisy / "outputs/mine/best.yaml")

    assert main([*NOISY, confirm(2, 2)]) == 0
    assert len(rates(noisy)) == 4
    assert "over 2 new seeds" in capsys.readouterr().out
    assert read(noisy / "outputs/mine/best.yaml") == best
    assert (noisy / "outputs/mine/best_model/model.safetensors").exists()

    assert main([*NOISY, confirm(2, 3)]) == 0
    assert len(rates(noisy)) == 6
    assert "over 3 new seeds" in capsys.readouterr().out
    kept = noisy / "outputs/mine/best_model/best.yaml"
    assert read(kept)["training"]["seed"] == 3

    shutil.rmtree(kept.parent)  # As when the search goes on and has another best.
    assert main([*NOISY, confirm(2, 4)]) == 0  # With seed 4 it is worse than with 3.
    assert read(kept)["training"]["seed"] == 3
    assert read(kept)["provenance"]["confirmed"]["seeds"] == [1, 2, 3, 4]


def test_repeats_have_the_whole_budget_where_the_search_ends_early(folder, fake_workers):
    (folder / "quick").symlink_to(folder / "tiny")
    quick = ["model.checkpoint=quick", "training.evaluations=10", "sweep.n_trials=1"]
    assert main([*OWN, *quick, "launcher.slots=1", confirm(1, 2)]) == 0
    study = StudyFolder(folder / "outputs", "mine")
    (searched,) = study.trial(0).read_reports()[-1:]
    repeated = [study.confirmation.trial(number).read_reports()[-1] for number in (0, 1)]
    assert searched.point < 10
    assert [last.point for last in repeated] == [10, 10]
    file = study.best.read_text()
    assert f"converged at evaluation point {searched.point} of 10" in file
    assert "convergence.stop_single_runs=true" in file


def test_a_confirmation_of_nothing_is_refused(folder, capsys):
    assert main([*OWN, confirm(0, 5)]) == 2
    assert "sweep.confirm.top" in capsys.readouterr().err
    assert main([*OWN, confirm(3, 1)]) == 2
    assert "sweep.confirm.seeds" in capsys.readouterr().err
