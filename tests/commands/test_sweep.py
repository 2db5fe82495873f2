"""The command as a user gives it; only the fine-tune inside the worker is a fake."""

import shlex
from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient

from tests.commands.conftest import OWN
from tests.tiny_checkpoints import write_checkpoint, write_reviews
from tuner.__main__ import main
from tuner.config import load_trial
from tuner.search.ranking import ranked
from tuner.settings.settings import StorageSettings
from tuner.study.reader import StudyReader
from tuner.trial.records import Convergence

ONE = [*OWN, "sweep.n_trials=1"]


def runs(uri, role):
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("mine")
    return client.search_runs([experiment.experiment_id], f"tags.role = '{role}'")


def test_a_sweep_ends_with_a_table_a_best_configuration_and_the_next_command(
    folder, fake_workers, capsys, mlflow_uri
):
    assert main([*OWN, "launcher.slots=2"]) == 0
    printed = capsys.readouterr().out
    assert "60 training rows, 40 validation rows" in printed
    assert "Best: trial" in printed
    assert "the untuned default (trial 0)" in printed
    assert "next          python -m tuner train outputs/mine/best.yaml" in printed
    lines = printed.splitlines()
    review = next(line for line in lines if line.startswith("review "))
    assert review.endswith("mlflow ui")
    page = next(line for line in lines if line.startswith("report "))
    assert Path(page.split()[-1]).is_file()
    assert any(line.split()[:1] == ["class"] for line in lines)
    assert "None" not in printed
    assert "\nReading\n" in printed
    assert "cannot be told apart by 400 validation rows" in printed

    best = yaml.safe_load((folder / "outputs/mine/best.yaml").read_text())
    assert best["model"]["checkpoint"] == "tiny"
    sweep = runs(mlflow_uri, "sweep")[0]
    assert sweep.info.status == "FINISHED"
    assert sweep.data.metrics["best_objective"] == best["provenance"]["value"]
    assert (folder / "outputs/mine/best_model/model.safetensors").exists()
    assert yaml.safe_load((folder / "outputs/mine/best_model/best.yaml").read_text()) == best
    assert not list(folder.glob("outputs/mine/trials/*/model"))
    counted = sum(sweep.data.metrics[f"trials_{s}"] for s in ("complete", "pruned"))
    assert counted == 4
    assert 0 < sweep.data.metrics["sweep_efficiency"] < 1
    note = sweep.data.tags["mlflow.note.content"]
    assert note.index("**Reading**") < note.index("rank")
    assert sum(sweep.data.metrics.get(f"trials_{s}", 0) for s in Convergence) == 4
    client = MlflowClient(mlflow_uri)
    listed = {file.path for file in client.list_artifacts(sweep.info.run_id)}
    kept = {"sweep.yaml", "best.yaml", "reading.md", "data_report.json", "data_report.txt"}
    assert kept <= listed
    trials = runs(mlflow_uri, "trial")
    searched = {"optimizer.learning_rate", "schedule", "effective_batch_size"}
    assert searched | {"training.epochs", "model.checkpoint"} <= set(trials[0].data.params)


def test_the_best_configuration_trains_again_and_overrides_go_above_it(
    folder, fake_workers, capsys, mlflow_uri
):
    assert main(OWN) == 0
    best = folder / "outputs/mine/best.yaml"
    value = yaml.safe_load(best.read_text())["provenance"]["value"]
    capsys.readouterr()
    assert main(["train", str(best)]) == 0
    assert f"val_accuracy  {value}" in capsys.readouterr().out
    assert main(["train", str(best), "training.batch_size=4"]) == 0
    config = yaml.safe_load((folder / "outputs/train/trials/00001/config.yaml").read_text())
    assert config["training"]["batch_size"] == 4


def test_a_larger_total_resumes_and_the_same_adds_nothing(folder, fake_workers, capsys):
    assert main(OWN) == 0
    assert main([*OWN, "sweep.n_trials=6"]) == 0
    assert len(list((folder / "outputs/mine/trials").iterdir())) == 6
    capsys.readouterr()
    assert main([*OWN, "sweep.n_trials=6"]) == 0
    assert "6 trials" in capsys.readouterr().out
    assert len(list((folder / "outputs/mine/trials").iterdir())) == 6


def test_a_plain_value_takes_a_key_out_of_the_space(folder, fake_workers, mlflow_uri):
    assert main([*OWN, "schedule=linear"]) == 0
    assert "schedule" not in runs(mlflow_uri, "trial")[0].data.params


def test_a_value_list_on_the_command_line_adds_a_dimension(folder, fake_workers, mlflow_uri):
    assert main([*OWN, "training.batch_size=4,8", "sampler=random"]) == 0
    params = [run.data.params for run in runs(mlflow_uri, "trial")]
    assert all("training.batch_size" in p for p in params[:-1])


def test_a_study_goes_on_with_what_it_was_made_of_alone(folder, fake_workers, capsys):
    assert main(ONE) == 0
    assert main([*ONE, "training.epochs=2"]) == 2
    assert "    training.epochs: 1.0 → 2.0" in capsys.readouterr().err

    (folder / "conf/schedule").mkdir(parents=True)
    constant = folder / "conf/schedule/constant.yaml"
    constant.write_text("name: constant\nwarmup_fraction: 0.3\n")
    assert main(ONE) == 2
    shown = capsys.readouterr().err
    assert "    schedule=constant schedule.warmup_fraction: 0.1 → 0.3" in shown
    constant.unlink()

    write_reviews(folder / "train.csv", 60, seed=3)
    assert main(ONE) == 2
    shown = capsys.readouterr().err
    assert "content of data: " in shown
    assert "study=mine-2 for a new study" in shown

    write_reviews(folder / "train.csv", 60, seed=1)
    (folder / "train.csv").rename(folder / "moved.csv")
    assert main([*ONE, "data.train=moved.csv", "sampler=random", "training.save_state=never"]) == 0
    assert main([*ONE, "data.train=moved.csv", "training.epochs=2", "study=other"]) == 0
    assert (folder / "outputs/other/best.yaml").exists()


def test_another_checkpoint_in_the_same_folder_is_another_study(folder, fake_workers, capsys):
    assert main(ONE) == 0
    write_checkpoint(folder / "tiny", "bert", seed=5)
    assert main(ONE) == 2
    assert "content of model: " in capsys.readouterr().err


def test_a_sweep_in_which_every_trial_fails_ends_with_1(folder, fake_workers, capsys):
    (folder / "fail").symlink_to(folder / "tiny")
    assert main([*OWN, "model.checkpoint=fail", "sweep.max_failures=2"]) == 1
    printed = capsys.readouterr().out
    assert "RuntimeError: this checkpoint always fails" in printed
    assert "No trial completed." in printed


def test_nested_runs_are_children_of_the_sweeps_run(folder, fake_workers, mlflow_uri):
    assert main([*OWN, "tracking.nested=true", "sweep.n_trials=1"]) == 0
    parent = runs(mlflow_uri, "sweep")[0].info.run_id
    assert runs(mlflow_uri, "trial")[0].data.tags["mlflow.parentRunId"] == parent


def test_cfg_job_prints_the_configuration_and_starts_nothing(folder, capsys):
    assert main(["--cfg", "job", *OWN]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["training"]["epochs"] == 1.0
    assert not (folder / "outputs").exists()


def test_plots_and_the_best_model_are_published_at_the_end(
    folder, fake_workers, mlflow_uri, capsys
):
    publishing = ("tracking.plots=true", "tracking.log_model=true")
    assert main([*OWN, *publishing, "sweep.n_trials=2"]) == 0
    assert "not everything is in MLflow" not in capsys.readouterr().out
    client, sweep = MlflowClient(mlflow_uri), runs(mlflow_uri, "sweep")[0]
    models = client.search_logged_models([sweep.info.experiment_id])
    assert [model.status for model in models] == ["READY"]
    assert len(client.list_artifacts(sweep.info.run_id, "plots")) >= 5


def test_a_sweep_starts_from_files_and_from_other_studies(folder, fake_workers, capsys):
    assert main([*OWN, "study=first"]) == 0
    best = yaml.safe_load((folder / "outputs/first/best.yaml").read_text())
    start = "sweep.start_from=[outputs/first/best.yaml]"
    assert main([*OWN, "study=second", start, "sweep.n_trials=2"]) == 0
    assert "first trials, after the untuned default: 1 of start_from" in capsys.readouterr().out
    again = load_trial(folder / "outputs/second/trials/00001/config.yaml")
    assert again.optimizer.learning_rate == best["optimizer"]["learning_rate"]
    assert again.schedule.name == best["schedule"]["name"]


def test_the_best_of_another_study_in_the_same_database_are_tried_first(
    folder, fake_workers, capsys
):
    shared = f"storage.url=sqlite:///{folder}/all.db"
    assert main([*OWN, "study=first", shared]) == 0
    order = ["study=second", shared, "sweep.start_from=[first]", "sweep.n_trials=3"]
    assert main([*OWN, *order]) == 0
    reader = StudyReader("first", StorageSettings(url=f"sqlite:///{folder}/all.db"), folder)
    first = ranked((t.outcome for t in reader.read().trials), "maximize")
    reader.close()
    tried = load_trial(folder / "outputs/second/trials/00001/config.yaml")
    assert tried.optimizer.learning_rate == first[0].parameters["optimizer.learning_rate"]


@pytest.mark.parametrize(
    ("start", "says"),
    [
        ("none.yaml", "none.yaml"),
        ("nobody", "there is no study 'nobody'"),
        ("other.yaml", "has no value that the search space could take"),
    ],
)
def test_what_a_sweep_can_not_start_from_is_told(folder, fake_workers, capsys, start, says):
    (folder / "other.yaml").write_text(
        "schedule:\n  name: polynomial\noptimizer:\n  name: adamw\n  learning_rate: 5.0\n"
    )
    assert main([*OWN, f"sweep.start_from=[{start}]"]) == 2
    assert says in capsys.readouterr().err


def test_a_sweep_ends_when_more_trials_are_not_worth_it(folder, fake_workers, capsys):
    wanted = "sweep.stop_when={improvement: 0.9, patience: 2}"
    alone = ["launcher.slots=1", "sweep.n_trials=50", "pruner=none"]
    assert main([*OWN, wanted, *alone]) == 0
    printed = capsys.readouterr().out
    assert "the sweep ends before its total: the last 2 trials" in printed
    assert len(list((folder / "outputs/mine/trials").iterdir())) == 3


def test_a_study_goes_on_after_changes_of_what_decides_no_trial(folder, fake_workers, capsys):
    words = [*OWN, "sweep.n_trials=1"]
    assert main(words) == 0
    free = ["training.evaluation_batch_size=7", "training.rematerialize=true"]
    (folder / "moved").symlink_to(folder / "tiny")
    assert main([*words, *free, "model.checkpoint=moved", "sweep.n_trials=2"]) == 0
    assert main([*words, "training.epochs=2"]) == 2
    message = capsys.readouterr().err
    assert "training.epochs: 1.0 → 2.0" in message
    assert "training.epochs=1.0 as before" in message
    assert main([*words, *free, "training.epochs=2", "training.epochs=1.0"]) == 0


def test_a_resumed_and_a_finished_sweep_tell_their_own_time(folder, fake_workers, capsys):
    first = [*OWN, "launcher.slots=1"]
    assert main([*first, "sweep.n_trials=2"]) == 0
    capsys.readouterr()
    assert main([*first, "sweep.n_trials=4"]) == 0
    resumed = capsys.readouterr().out
    (line,) = (each for each in resumed.splitlines() if each.startswith("4 trials: "))
    assert "of trials in all; this start: 2 trials in " in line
    assert "sweep efficiency" in line
    assert main([*first, "sweep.n_trials=4"]) == 0
    again = capsys.readouterr().out
    assert "efficiency" not in again
    assert "this start: none" in again


def test_commands_that_are_shown_are_the_users_own_and_work(folder, fake_workers, capsys):
    words = [*OWN, "launcher.slots=2"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    (shown,) = (each.strip() for each in printed.splitlines() if "sweep.confirm.top=3" in each)
    program, _, typed = shown.partition(" -m tuner ")
    assert program == "python"
    assert set(words) < set(shlex.split(typed))
    assert main(["study=confirmed", *shlex.split(typed)]) == 0
    confirmed = capsys.readouterr().out
    assert "Confirmed with new seeds" in confirmed
    assert "sweep.confirm.top=3\n" not in confirmed.split("Reading\n")[1].split("Confirmed")[0]
