"""The end of a trial is rehearsed before its first update, once for each checkpoint."""

import dataclasses
import json
import resource

import numpy as np
import pytest

from tests.tiny_checkpoints import MODEL_TYPES, write_checkpoint
from tests.training.references import write_tiny
from tuner.data import prepare
from tuner.encoders import Family
from tuner.errors import InputError
from tuner.tasks import Classification

pytestmark = pytest.mark.tf


@pytest.fixture
def parts(workspace, make_settings):
    """Settings, data, model and the way to save it, for a checkpoint of the workspace."""
    from tuner.training.evaluate import Evaluator
    from tuner.training.hugging_face import save_model
    from tuner.training.model import Classifier

    def make(checkpoint, max_length=32):
        settings = make_settings(checkpoint=checkpoint)
        model = dataclasses.replace(settings.model, max_length=max_length)
        settings = dataclasses.replace(settings, model=model)
        data = prepare(settings.data, settings.model, Classification())
        classifier = Classifier(data.checkpoint, len(data.labels))
        classifier.reset(seed=3, dropout=0.1)

        def save(folder):
            save_model(
                folder, classifier, data.checkpoint, Classification(), data.labels, max_length
            )

        return settings, data, classifier, Evaluator(classifier, Classification()), save

    return make


def notes(workspace):
    return len(list((workspace / "cache" / "rehearsals").glob("*")))


@pytest.mark.parametrize(
    ("name", "max_length"),
    [*((each, 64) for each in MODEL_TYPES), ("roberta pad 0", 65), ("xlm-roberta pad 0", 65)],
)
def test_every_architecture_is_scored_saved_and_read(workspace, parts, name, max_length):
    from tuner.training.rehearsal import rehearse

    write_tiny(workspace / name, name)
    before = notes(workspace)
    rehearse(*parts(name, max_length))
    assert notes(workspace) == before + 1


@pytest.fixture
def broken(workspace, monkeypatch):
    """A checkpoint that no model can be saved of, as those with pad_token_id 0 once were."""

    def fail(self, config):
        raise ValueError("could not broadcast input array from shape (64,32) into shape (65,32)")

    write_checkpoint(workspace / "broken", "bert", seed=9)
    monkeypatch.setattr("tuner.encoders.Family.exported", fail)
    return "broken"


class Nobody:
    """Is told nothing."""

    def __getattr__(self, name):
        pytest.fail(f"the trial has begun: {name}")


def test_a_trial_that_could_not_keep_its_model_ends_before_its_first_update(
    workspace, make_settings, broken
):
    from tuner.training.fine_tune import FineTuner

    before = notes(workspace)
    tuner = FineTuner()
    for _ in range(2):
        with pytest.raises(InputError, match="could not be kept: ValueError: could not broadcast"):
            tuner.run(make_settings(checkpoint=broken), Nobody())
    assert notes(workspace) == before


@pytest.mark.parametrize(
    ("field", "value"), [("layer_norm_eps", 0.5), ("pad_token_id", 4), ("hidden_act", "relu")]
)
def test_a_folder_that_says_something_else_is_found(workspace, parts, monkeypatch, field, value):
    from tuner.training.rehearsal import rehearse

    write_checkpoint(workspace / field, "roberta", seed=len(field))
    honest = Family.exported
    monkeypatch.setattr(Family, "exported", lambda *given: honest(*given) | {field: value})
    with pytest.raises(InputError) as caught:
        rehearse(*parts(field))
    assert caught.value.where == str(workspace / field)


def test_weights_that_are_not_those_of_the_model_are_found(workspace, parts):
    from tuner.training.rehearsal import rehearse

    write_checkpoint(workspace / "changed", "distilbert", seed=7)
    settings, data, classifier, evaluator, save = parts("changed")

    def save_and_change(folder):
        save(folder)
        classifier.values[0].assign_add(np.float32(1e-3) * np.ones(classifier.values[0].shape))

    with pytest.raises(InputError, match="others than were saved"):
        rehearse(settings, data, classifier, evaluator, save_and_change)


def test_it_is_done_once_for_a_checkpoint_length_and_version(workspace, parts, monkeypatch):
    from tuner.training import rehearsal

    write_checkpoint(workspace / "once", "albert", seed=6)
    settings, data, classifier, evaluator, save = parts("once")
    saved = []

    def counted(folder):
        saved.append(folder)
        save(folder)

    def rehearse(settings=settings, data=data):
        rehearsal.rehearse(settings, data, classifier, evaluator, counted)
        return len(saved)

    assert [rehearse(), rehearse()] == [1, 1]
    longer = dataclasses.replace(settings.model, max_length=33)
    assert rehearse(dataclasses.replace(settings, model=longer)) == 2
    assert rehearse(data=dataclasses.replace(data, labels=("a", "b", "c"))) == 3
    known = rehearsal.version
    monkeypatch.setattr(rehearsal, "version", lambda name: "0" if name == "keras" else known(name))
    assert rehearse() == 4


def test_a_full_disk_refuses_no_trial(workspace, parts, caplog):
    from tuner.training.rehearsal import rehearse

    write_checkpoint(workspace / "full", "bert", seed=5)
    settings, data, classifier, evaluator, _ = parts("full")

    def full(folder):
        raise OSError(28, "No space left on device")

    before = notes(workspace)
    rehearse(settings, data, classifier, evaluator, full)
    assert notes(workspace) == before
    assert "No space left" in caplog.text


def test_a_saved_folder_is_read_back(workspace, parts, tmp_path, monkeypatch):
    """A disk that loses what was written is noticed while the trial's model is still there."""
    from tuner.training import hugging_face

    *_, save = parts("bert")
    write = hugging_face.write_weights

    def lossy(tensors, path, **kwargs):
        write({name: np.zeros_like(tensor) for name, tensor in tensors.items()}, path, **kwargs)

    monkeypatch.setattr(hugging_face, "write_weights", lossy)
    with pytest.raises(OSError, match=r"model\.safetensors"):
        save(tmp_path / "model")
    monkeypatch.undo()
    save(tmp_path / "model")
    assert json.loads((tmp_path / "model" / "config.json").read_text())["model_type"] == "bert"


def test_a_full_disk_says_nothing_about_the_checkpoint(workspace, parts):
    from tuner.training.rehearsal import rehearse

    write_checkpoint(workspace / "no room", "bert", seed=11)
    given, before = parts("no room"), notes(workspace)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        rehearse(*given)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert notes(workspace) == before
    rehearse(*given)
    assert notes(workspace) == before + 1
