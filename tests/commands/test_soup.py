"""The soup of a sweep: which weights are kept, who builds it, and what is published.

Fine-tunes are fakes, and so is the building: its model says what it was made of.
"""

import shutil

import pytest
import yaml
from mlflow import MlflowClient

from tests.commands.conftest import OWN
from tests.commands.test_confirm import NOISY, confirm
from tests.commands.test_publication import RISING, assert_published
from tests.soups import DAMAGED, build
from tuner import load_study
from tuner.__main__ import main
from tuner.errors import TunerError
from tuner.files.model_folder import defect
from tuner.orchestration import soup as building
from tuner.soup import Member, SoupProgress
from tuner.trial.folder import StudyFolder
from tuner.trial.kept_model import kept_model, model_note, written_model
from tuner.trial.model_identity import KeptModel

FOUR = [*RISING, "sweep.n_trials=4", "sweep.soup=true"]


class Builder:
    """Averages all that it is given, unless it is told otherwise."""

    def __init__(self):
        self.requests = []
        self.rejected = None
        self.error = None

    def __call__(self, request, progress, environment):
        self.requests.append(request)
        assert environment.keys() <= {"CUDA_VISIBLE_DEVICES"}
        assert request.threads >= 1
        progress(SoupProgress(done=1, total=len(request.members)))
        if self.error is not None:
            raise self.error
        return build(request, self.rejected)

    @property
    def considered(self):
        return [sorted(each.member.trial for each in request.members) for request in self.requests]


@pytest.fixture
def builder(monkeypatch):
    found = Builder()
    monkeypatch.setattr(building, "build_soup", found)
    return found


@pytest.fixture
def study(folder, fake_workers):
    return StudyFolder(folder / "outputs", "mine")


def read(file):
    return yaml.safe_load(file.read_text())


def kept(study):
    """Numbers of the trials whose weights are kept."""
    return sorted(int(path.parent.name) for path in study.path.glob("trials/*/member.safetensors"))


def assert_soup(study, *trials):
    """best_model/ is the soup of these trials, and single_model/ the best of them."""
    provenance = read(study.best)["provenance"]
    members = provenance["soup"]["members"]
    assert sorted(each["trial"] for each in members) == sorted(trials)
    assert kept_model(study) == KeptModel(
        trial=provenance["trial"],
        seed=read(study.best)["training"]["seed"],
        members=tuple((each["trial"], each["seed"]) for each in members),
    )
    assert read(study.best_model / "config.json") == {"members": len(trials)}
    single = read(study.single_model / "best.yaml")
    assert single["provenance"]["trial"] == provenance["trial"]
    assert "soup" not in single["provenance"]
    rate, seed = single["optimizer"]["learning_rate"], single["training"]["seed"]
    assert read(study.single_model / "config.json")["trial"] == f"{rate} {seed}"
    for model in (study.best_model, study.single_model):
        assert defect(model, contents=True) is None
    assert model_note(study) is None
    assert not list(study.path.glob("soup/*"))
    assert not list(study.path.glob("trials/*/model"))
    assert not list(study.path.glob(".*_model*"))


def test_a_soup_is_published_once_and_its_single_model_stays(
    study, builder, folder, capsys, mlflow_uri
):
    assert main([*FOUR, "sweep.soup.keep=3"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "the weights of the 3 leading trials are kept, at most" in printed
    best = written_model(study.best).trial
    ends = {n: read(study.trial(n).outcome)["value"] for n in range(4)}
    leading = sorted(sorted(ends, key=ends.get)[1:])
    assert best in leading
    assert kept(study) == leading
    assert builder.considered == [leading]
    assert_soup(study, *leading)
    shown = read(study.best)["provenance"]["soup"]
    assert (shown["gain"], shown["interval"]) == (0.0125, [-0.01, 0.035])
    assert shown["scores"] == {"accuracy": {"value": 0.91, "standard_error": 0.02}}
    for text in ("the soup of trials", "+0.0125", "-0.0100 to +0.0350"):
        assert text in printed
        assert text in (study.path / "report.html").read_text()
    client = MlflowClient(mlflow_uri)
    experiment = client.get_experiment_by_name("mine").experiment_id
    (sweep,) = client.search_runs([experiment], "tags.role = 'sweep'")
    assert sweep.data.metrics["soup_gain"] == 0.0125
    assert sweep.data.metrics["soup_members"] == 3.0
    assert sweep.data.tags["soup"] == "published"
    assert "the soup of trials" in sweep.data.tags["mlflow.note.content"]

    # A start of the finished sweep changes nothing.
    before = (study.best.read_text(), (study.best_model / "best.yaml").read_text())
    assert main([*FOUR, "sweep.soup.keep=3"]) == 0
    assert len(builder.requests) == 1
    assert (study.best.read_text(), (study.best_model / "best.yaml").read_text()) == before
    assert main(["report", "study=mine"]) == 0
    assert "the soup of trials" in " ".join(capsys.readouterr().out.split())

    # Both models can be exported.
    assert main(["export", "study=mine", "export.model=soup", "export.output=s.yaml"]) == 0
    assert read(folder / "soup/config.json") == {"members": 3}
    for words in (["export.soup=false"], [f"export.trial={best}"]):
        target = f"single{len(words[0])}"
        assert main(["export", "study=mine", f"export.model={target}", *words]) == 0
        assert read(folder / target / "config.json") == read(study.single_model / "config.json")

    # What is lost is built again from the weights that were kept.
    shutil.rmtree(study.best_model)
    assert "The next start of the sweep builds it again" in model_note(study)
    capsys.readouterr()
    assert main(["export", "study=mine", "export.model=lost"]) == 2
    assert "export.soup=false" in capsys.readouterr().err
    assert main([*FOUR, "sweep.soup.keep=3"]) == 0
    assert builder.considered == [leading, leading]
    assert_soup(study, *leading)
    assert "retraining" not in capsys.readouterr().out

    # Without the weights, best_model/ is what it was.
    assert main(["clean", "study=mine", "clean.older_than=0", "clean.remove=true"]) == 0
    assert kept(study) == []
    assert main([*FOUR, "sweep.soup.keep=3"]) == 0
    assert len(builder.requests) == 2
    assert_soup(study, *leading)


def test_longer_sweeps_build_from_old_and_new_weights_and_may_reject(study, builder, capsys):
    assert main([*FOUR, "sweep.n_trials=2"]) == 0
    assert_soup(study, 0, 1)

    builder.rejected = "it scores worse"
    capsys.readouterr()
    for _ in range(2):  # The second start finds it decided.
        assert main([*FOUR, "sweep.n_trials=3"]) == 0
        assert builder.considered == [[0, 1], [0, 1, 2]]
        assert_published(study)
        assert read(study.best)["provenance"]["soup"]["rejected"] == "it scores worse"
        assert not study.single_model.exists()
        printed = " ".join(capsys.readouterr().out.split())
        assert "Not published, it scores worse" in printed

    builder.rejected = None
    assert main(FOUR) == 0
    assert builder.considered[2:] == [[0, 1, 2, 3]]
    assert_soup(study, 0, 1, 2, 3)


def test_a_soup_that_is_switched_off_is_withdrawn(study, builder, capsys):
    assert main(FOUR) == 0
    assert_soup(study, 0, 1, 2, 3)
    capsys.readouterr()
    assert main([*FOUR, "sweep.soup=false"]) == 0
    assert "is not published any more: sweep.soup=false" in " ".join(
        capsys.readouterr().out.split()
    )
    assert_published(study)
    assert "soup" not in read(study.best)["provenance"]
    assert not study.single_model.exists()
    assert main(FOUR) == 0
    assert len(builder.requests) == 2
    assert_soup(study, 0, 1, 2, 3)


def test_a_lost_soup_is_built_from_what_is_left_or_withdrawn(study, builder, capsys):
    assert main(FOUR) == 0
    best = written_model(study.best).trial
    lost, *left = (number for number in range(4) if number != best)
    shutil.rmtree(study.best_model)
    study.trial(lost).member.unlink()
    assert main(FOUR) == 0
    assert_soup(study, best, *left)

    shutil.rmtree(study.best_model)
    for number in (best, *left):
        study.trial(number).member.unlink()
    for _ in range(2):
        capsys.readouterr()
        assert main(FOUR) == 0
        assert_published(study)
        assert model_note(study) is None
    assert "no soup is built: the weights of the best model" in capsys.readouterr().out
    assert len(builder.requests) == 2


def test_without_a_soup_no_weights_are_kept(study, builder, capsys):
    assert main([*RISING, "sweep.n_trials=4", "sweep.soup=false"]) == 0
    assert kept(study) == []
    assert builder.requests == []
    assert_published(study)
    assert "soup:" not in capsys.readouterr().out
    # Its weights were not kept, so a later start has nothing to average.
    assert main(FOUR) == 0
    assert builder.requests == []
    assert "no soup is built: the weights of the best model" in capsys.readouterr().out


def test_weights_that_are_not_retained_are_removed(study, builder):
    words = [*FOUR, "sweep.soup.retain=false"]
    assert main(words) == 0
    assert kept(study) == []
    assert main(words) == 0
    assert len(builder.requests) == 1
    assert_soup(study, 0, 1, 2, 3)


def test_lost_and_damaged_weights_are_left_out_with_a_warning(study, builder, capsys):
    builder.error = TunerError("the building ended with 1")
    assert main(FOUR) == 0
    assert "no soup was built: the building ended with 1" in capsys.readouterr().out
    assert_published(study)
    best = written_model(study.best).trial
    lost, damaged = [number for number in range(4) if number != best][:2]
    study.trial(lost).member.unlink()
    study.trial(damaged).member.write_bytes(DAMAGED)
    builder.error = None
    assert main(FOUR) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert f"the weights of trial {lost} are not kept here" in printed
    assert f"Left out: trial {damaged} with seed" in printed
    assert_soup(study, *({0, 1, 2, 3} - {lost, damaged}))


def test_several_objectives_have_no_soup(study, builder, capsys):
    words = [*OWN, "sweep.objectives=[val_accuracy,examples_per_second]", "pruner=none",
             "sweep.n_trials=2", "sweep.soup=true"]  # fmt: skip
    assert main(words) == 0
    assert "sweep.soup is off: it is chosen by one objective" in capsys.readouterr().out
    assert kept(study) == []
    assert builder.requests == []


def test_repeats_are_candidates_and_the_confirmed_bests_model_stays(
    folder, study, builder, capsys
):
    (folder / "noisy:0.01").symlink_to(folder / "tiny")
    words = [*NOISY, confirm(2, 3), "sweep.soup=true", "sweep.soup.keep=4"]
    # The test rows wait until it is known which model is published; nothing is tried twice.
    builder.error = TunerError("out of memory")
    assert main([*words, "data.test=validation.csv"]) == 0
    assert "data.test is not scored, since its model" in " ".join(capsys.readouterr().out.split())
    assert len(builder.requests) == 1
    assert load_study("mine").confirmation.final_evaluation is None
    builder.error = None
    assert main(words) == 0
    _, request = builder.requests
    members = {each.member for each in request.members}
    assert len(members) == 4
    found = read(study.best)
    single = written_model(study.single_model / "best.yaml")
    assert single.trial == found["provenance"]["trial"]
    assert Member(trial=single.trial, seed=single.seed) in members
    assert single.seed in found["provenance"]["confirmed"]["seeds"]
    kept_files = [
        *study.path.glob("trials/*/member.safetensors"),
        *study.confirmation.path.glob("trials/*/member.safetensors"),
    ]
    assert {str(path.absolute()) for path in kept_files} == {each.path for each in request.members}
    assert kept_model(study).members == tuple(sorted((m.trial, m.seed) for m in members))
    assert model_note(study) is None
    assert main(words) == 0
    assert len(builder.requests) == 2
