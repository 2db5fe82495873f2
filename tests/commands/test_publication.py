"""best.yaml and best_model/ are what the study says, whatever happened before."""

import shutil
import threading
from functools import partial

import pytest
import yaml

from tests.commands.conftest import OWN
from tests.commands.test_confirm import NOISY, confirm
from tests.disks import small_disk_at
from tuner.__main__ import main
from tuner.files import atomic
from tuner.files.atomic import aside
from tuner.files.model_folder import SUMS, defect, save_complete
from tuner.results.best_files import BestFiles
from tuner.trial.folder import StudyFolder
from tuner.trial.kept_model import model_note, written_model

RISING = [
    *OWN, "optimizer.learning_rate=choice(1e-6, 8e-5, 1e-4)", "schedule=linear", "sampler=grid",
    "pruner=none", "launcher.slots=1", "convergence.not_learning_patience=null",
    "convergence.converged_patience=null",
]  # fmt: skip
"""Trial 0 is the untuned default, 5e-5; a grid begins anywhere."""


@pytest.fixture
def study(folder):
    return StudyFolder(folder / "outputs", "mine")


def run(*words):
    return main([*RISING, *words])


def read(file):
    return yaml.safe_load(file.read_text())


def assert_published(study):
    """best.yaml, best_model/ and the model in it are of one trial, the best of all."""
    ends = [read(trial / "outcome.json") for trial in study.path.glob("trials/*")]
    best = max(ends, key=lambda end: (end["value"] or 0.0, -end["number"]))
    described = read(study.best)
    assert described["provenance"]["trial"] == best["number"]
    assert described["provenance"]["value"] == best["value"]
    assert (study.best_model / "best.yaml").read_text() == study.best.read_text()
    rate, seed = described["optimizer"]["learning_rate"], described["training"]["seed"]
    assert read(study.best_model / "config.json")["trial"] == f"{rate} {seed}"
    assert defect(study.best_model, contents=True) is None
    assert model_note(study) is None
    assert not list(study.path.glob("trials/*/model"))
    assert not list(study.path.glob(".best_model*"))


@pytest.fixture
def swept(folder, fake_workers, study, capsys):
    """A sweep that has ended, and what its first trial had left."""
    assert run("sweep.n_trials=1") == 0
    worse = folder / "worse"
    shutil.copytree(study.best_model, worse)
    assert run("sweep.n_trials=4") == 0
    assert_published(study)
    capsys.readouterr()
    return worse


def test_the_settings_of_trials_of_this_start_are_read_from_no_file(
    folder, fake_workers, study, monkeypatch
):
    def read(*given):
        raise AssertionError(given)

    monkeypatch.setattr("tuner.results.best.stored_settings", read)
    assert run("sweep.n_trials=4") == 0
    assert_published(study)


def test_a_best_yaml_that_was_left_of_a_worse_trial_is_mended(swept, study):
    """Killed between the replacement of best_model/ and that of best.yaml."""
    shutil.copy(swept / "best.yaml", study.best)
    assert run("sweep.n_trials=4") == 0
    assert_published(study)


def test_a_best_model_that_was_left_of_a_worse_trial_is_mended(swept, study):
    """Killed before it was replaced: the best trial's model still lies where it was trained."""
    number = written_model(study.best).trial
    shutil.copytree(study.best_model, study.trial(number).model)
    shutil.rmtree(study.best_model)
    shutil.copytree(swept, study.best_model)
    assert run("sweep.n_trials=4") == 0
    assert_published(study)


def test_a_best_model_that_was_set_aside_comes_back(swept, study):
    """Killed between two renames, where a file system cannot exchange two folders."""
    study.best_model.rename(aside(study.best_model))
    shutil.copytree(swept, study.best_model.with_name(".best_model.next"))
    assert run("sweep.n_trials=4") == 0
    assert_published(study)


def test_models_of_trials_that_ended_are_tidied_away(swept, study):
    worse = next(n for n in range(4) if n != written_model(study.best).trial)
    shutil.copytree(study.best_model, study.trial(worse).model)
    assert run("sweep.n_trials=4") == 0
    assert_published(study)


def test_what_is_in_the_way_is_refused_and_stays(swept, study, capsys):
    shutil.rmtree(study.best_model)
    number = written_model(study.best).trial
    shutil.copytree(swept, study.trial(number).model)
    study.best_model.write_text("a file of the user's")
    study.best.unlink()
    study.best.mkdir()
    assert run("sweep.n_trials=4") == 2
    assert "best" in capsys.readouterr().err
    assert study.best_model.read_text() == "a file of the user's"
    study.best_model.unlink()
    study.best.rmdir()
    assert run("sweep.n_trials=4") == 0
    assert written_model(study.best_model / "best.yaml").trial == number
    assert written_model(study.best).trial == number


def test_a_study_of_an_earlier_version_goes_on(swept, study):
    """Its model has no checksums; this one cannot be opened, and is replaced by the next best."""
    (study.best_model / SUMS).unlink()
    assert "cut off" in model_note(study)
    assert run("sweep.n_trials=4") == 0


def test_a_confirmed_best_stays_until_the_search_finds_a_better_one(folder, fake_workers, study):
    (folder / "noisy:0.01").symlink_to(folder / "tiny")
    assert main([*NOISY, confirm(3, 3)]) == 0
    best, kept = study.best.read_text(), written_model(study.best_model / "best.yaml")
    assert read(study.best)["provenance"]["confirmed"]["seeds"]
    assert main(NOISY) == 0
    assert study.best.read_text() == best

    # Killed between the two, and before both.
    first = written_model(study.best).trial
    other = next(n for n in range(3) if n != first)
    text = best.replace(f"trial: {first}", f"trial: {other}")
    assert text != best
    study.best.write_text(text)
    assert main(NOISY) == 0
    assert study.best.read_text() == best
    repeat = next(study.confirmation.path.glob("trials/*/model"))
    assert written_model(repeat.parent / "config.yaml") is None
    shutil.rmtree(study.best_model)
    study.best.unlink()
    assert main(NOISY) == 0
    assert study.best.read_text() == best
    assert written_model(study.best_model / "best.yaml") == kept
    assert defect(study.best_model, contents=True) is None


# -- a disk that is too small for the second model --------------------------------------------


@pytest.fixture
def small_disk(folder):
    """The output folder has a file system of its own."""
    with small_disk_at(folder / "outputs", megabytes=16) as place:
        yield place


def test_models_that_find_no_room_cost_no_trial(small_disk, folder, fake_workers, study, capsys):
    checkpoint = "large:9000000"
    (folder / checkpoint).symlink_to(folder / "tiny")
    words = [f"model.checkpoint={checkpoint}", "optimizer.learning_rate=choice(8e-5, 1e-4)"]
    assert run(*words, "sweep.n_trials=3") == 0
    ends = [read(study.trial(number).outcome) for number in range(3)]
    assert {end["state"] for end in ends} == {"complete"}
    best = max(ends, key=lambda end: end["value"])
    assert best["number"] > 0
    assert "No space left" in best["model_error"]
    printed = capsys.readouterr().out
    assert f"the model of trial {best['number']} could not be saved" in printed

    # The best is told by best.yaml; the model before it is whole.
    assert read(study.best)["provenance"]["trial"] == best["number"]
    assert "No space left" in read(study.best)["provenance"]["model_error"]
    assert written_model(study.best_model / "best.yaml").trial == 0
    assert defect(study.best_model, contents=True) is None
    note = model_note(study)
    assert f"model of trial {best['number']}" in note
    assert f"tuner train {study.best}" in note

    page = f"report.output={folder / 'page.html'}"  # On another disk.
    for command in ([*RISING, *words, "sweep.n_trials=3"], ["report", "sweep=mine", page]):
        assert main(command) == 0
        assert "could not be saved: " in " ".join(capsys.readouterr().out.split())
    assert "No space left" in (study.path / "report.html").read_text()

    assert main(["export", "sweep=mine", "export.output=e.yaml", "export.model=m"]) == 2
    assert f"the model of trial {best['number']} is not here" in capsys.readouterr().err
    assert not [path for path in folder.iterdir() if path.name in ("e.yaml", "m")]
    assert main(["export", "sweep=mine", "export.trial=0", "export.model=m"]) == 0
    assert defect(folder / "m", contents=True) is None


def test_a_single_fine_tune_whose_model_is_not_saved_says_so(folder, fake_workers, capsys):
    (folder / "unsaved").symlink_to(folder / "tiny")
    assert run("model.checkpoint=unsaved", "sweep.n_trials=1") == 0
    assert not (folder / "outputs/mine/best_model").exists()
    capsys.readouterr()
    assert main(["train", "outputs/mine/best.yaml"]) == 1
    printed = capsys.readouterr().out
    assert "val_accuracy" in printed
    assert "No space left" in printed


# -- incomplete models ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "left", [["best.yaml"], ["best.yaml", SUMS], ["best.yaml", "config.json"]]
)
def test_an_incomplete_model_is_not_exported(swept, study, folder, capsys, left):
    for path in study.best_model.iterdir():
        if path.name not in left:
            path.unlink()
    for words in (["export.model=m"], ["export.output=e.yaml", "export.model=deep/er/m"]):
        assert main(["export", "sweep=mine", *words]) == 2
        printed = capsys.readouterr()
        assert "the model is not complete" in printed.err
        assert not printed.out
    assert not [p for p in folder.iterdir() if p.name in ("e.yaml", "m")]


def test_a_damaged_model_is_not_exported(swept, study, folder, capsys):
    (study.best_model / "model.safetensors").write_text("A model")
    (folder / "m").mkdir()
    assert main(["export", "sweep=mine", "export.output=e.yaml", "export.model=m"]) == 2
    assert "model.safetensors" in capsys.readouterr().err
    assert not list((folder / "m").iterdir())
    assert not (folder / "e.yaml").exists()


def test_a_configuration_that_cannot_be_written_leaves_no_model(swept, folder, capsys):
    (folder / "e.yaml").mkdir()
    assert main(["export", "sweep=mine", "export.output=e.yaml", "export.model=m"]) == 2
    assert not (folder / "m").exists()
    assert not [path for path in folder.iterdir() if path.name.startswith(".m")]


# -- exported while it is replaced ------------------------------------------------------------


@pytest.mark.parametrize("exchanges", [True, False])
def test_exports_of_a_model_that_is_replaced_are_of_one_version(
    swept, study, folder, monkeypatch, exchanges
):
    if not exchanges:  # As over NFS.
        monkeypatch.setattr(atomic, "exchange", lambda one, other: False)
    files, best = BestFiles(study), study.best.read_text()
    over, versions = threading.Event(), []

    def replace():
        while not over.wait(0.01):
            made = folder / "made"
            save_complete(made, partial(write, text=str(len(versions))))
            files.put_model(made, study.best_model, best, lambda: None)
            versions.append(len(versions))

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        exported = []
        for number in range(20):
            before, target = len(versions), folder / f"m{number}"
            assert main(["export", "sweep=mine", f"export.model={target}"]) == 0
            exported.append(len(versions) > before)
            assert (target / "best.yaml").read_text() == best
            assert len({(target / name).read_text() for name in FILES}) == 1
            assert defect(target, contents=True) is None
    finally:
        over.set()
        thread.join()
    assert sum(exported) > 10


FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def write(folder, text):
    folder.mkdir()
    for name in FILES:
        (folder / name).write_text(text)
