"""Files of a real sweep: trained, predicted and loaded again, they agree to the digit."""

import csv
import json

import pytest
import yaml
from mlflow import MlflowClient

from tests.commands.conftest import OWN, SWEEP
from tests.tiny_checkpoints import write_checkpoint, write_reviews
from tuner.__main__ import main
from tuner.trial.folder import StudyFolder
from tuner.trial.records import Report

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def swept(tmp_path_factory, empty_mlflow):
    """A folder after a sweep of two trials at a time, fine-tuned for real."""
    folder = tmp_path_factory.mktemp("swept")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("TUNER_CACHE", str(folder / "cache"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        (folder / "mlflow.db").write_bytes(empty_mlflow.read_bytes())
        write_checkpoint(folder / "tiny", "bert")
        write_reviews(folder / "train.csv", 200, seed=1)
        write_reviews(folder / "validation.csv", 90, seed=2)
        (folder / "sweeps").mkdir()
        (folder / "sweeps" / "mine.yaml").write_text(SWEEP)
        quick = ("sweep.n_trials=3", "launcher.slots=2", "pruner=none", "training.batch_size=8")
        assert main([*OWN, *quick]) == 0
        yield folder


@pytest.fixture
def best(swept, monkeypatch):
    monkeypatch.chdir(swept)
    monkeypatch.setenv("TUNER_CACHE", str(swept / "cache"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return yaml.safe_load((swept / "outputs/mine/best.yaml").read_text())


def last_report(study, number) -> Report:
    return StudyFolder(study.parent, study.name).trial(number).read_reports()[-1]


def test_the_best_configuration_gives_the_same_score_again(swept, best):
    found = last_report(swept / "outputs/mine", best["provenance"]["trial"])
    assert found.metrics["val_accuracy"] == best["provenance"]["value"]
    assert main(["train", "outputs/mine/best.yaml"]) == 0
    again = last_report(swept / "outputs/train", 0)
    for name in ("train_loss", "grad_norm", "val_loss", "metrics", "confusion"):
        assert getattr(again, name) == getattr(found, name), name


def test_it_says_where_it_comes_from(swept, best):
    provenance = best["provenance"]
    run = MlflowClient(f"sqlite:///{swept / 'mlflow.db'}").get_run(provenance["mlflow_run"])
    assert run.data.tags["trial_number"] == str(provenance["trial"])
    assert run.data.metrics["objective"] == provenance["value"]
    assert provenance["git_commit"] is None  # A folder that is no checkout.
    assert provenance["cpu_threads"] >= 1
    assert provenance["standard_error"] > 0


def test_its_model_predicts_what_was_scored(swept, best, capsys):
    words = ["predict", "outputs/mine/best_model", "validation.csv", "predict.output=p.csv"]
    assert main([*words, "predict.rows=3"]) == 0
    printed = capsys.readouterr().out
    assert f"accuracy {best['provenance']['value']:.4f}" in printed
    assert "90 rows; predicted: " in printed
    with (swept / "p.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 90
    right = sum(row["label"] == row["predicted"] for row in rows)
    assert right / 90 == best["provenance"]["value"]
    shares = [[float(row[key]) for key in row if key.startswith("probability")] for row in rows]
    assert all(sum(row) == pytest.approx(1.0) for row in shares)


def test_a_file_without_labels_under_another_name(swept, best, capsys):
    lines = [{"review": "quite brilliant"}, {"review": "dreadful"}]
    (swept / "new.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    words = ["predict", "outputs/mine/best_model", "new.jsonl"]
    assert main([*words, "predict.text=review"]) == 0
    printed = capsys.readouterr().out
    assert "accuracy" not in printed
    assert "predict.output=FILE.csv writes all rows" in printed
    assert main(words) == 2
    assert "predict.text=COLUMN, one of: review" in capsys.readouterr().err


def test_a_folder_that_holds_no_classifier(swept, best, capsys):
    assert main(["predict", "tiny", "validation.csv"]) == 2
    told = capsys.readouterr().err
    assert "no classifier that a sweep has trained" in told
    assert "Traceback" not in told


def verified(capsys, *words) -> tuple[int, str]:
    code = main(["verify", "outputs/mine/best.yaml", *words])
    return code, capsys.readouterr().out


def rewrite(path, change) -> None:
    """Change a file of JSON or YAML."""
    reads, writes = (
        (yaml.safe_load, yaml.safe_dump) if path.suffix == ".yaml" else (json.loads, json.dumps)
    )
    content = reads(path.read_text())
    change(content)
    path.write_text(writes(content))


@pytest.fixture
def kept(swept):
    """Files that a test changes, put back after it."""
    names = ("outputs/mine/best.yaml", "train.csv", "tiny/model.safetensors")
    outcomes = [str(path.relative_to(swept)) for path in swept.glob("outputs/*/trials/*/*.json")]
    before = {name: (swept / name).read_bytes() for name in (*names, *outcomes)}
    yield
    for name, content in before.items():
        (swept / name).write_bytes(content)


def test_a_trial_is_repeated_to_the_last_bit(best, capsys):
    code, text = verified(capsys)
    assert code == 0
    assert "identical" in text
    assert "rounding" not in text
    assert "changed" not in text


@pytest.mark.usefixtures("kept")
def test_what_has_changed_since_is_named(swept, best, capsys):
    file = swept / "outputs/mine/best.yaml"
    rewrite(file, lambda content: content["training"].update(seed=99))
    code, text = verified(capsys, "verify.updates=1")
    assert code == 1
    assert "different" in text
    assert "update 1: loss" in text
    assert "seed: 0 → 99" in text


@pytest.mark.usefixtures("kept")
def test_other_rows_and_weights_are_named(swept, best, capsys):
    with (swept / "train.csv").open("a") as rows:
        rows.write("another fine film,good\n")
    weights = swept / "tiny/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\x00\x00\x80\x3f")
    code, text = verified(capsys, "verify.updates=1")
    assert code == 1
    names = [line.split()[1] for line in text.splitlines() if line.startswith("changed")]
    assert names[:2] == ["data:", "checkpoint:"]


@pytest.mark.usefixtures("kept")
def test_other_libraries_and_devices_are_named_though_they_give_the_same(swept, best, capsys):
    def alter(outcome):
        found = outcome["provenance"]
        found["versions"].update(tensorflow="1.15.0", code="0123456789ab")
        found.update(device="H100", cpu_threads=64)

    number = best["provenance"]["trial"]
    rewrite(swept / f"outputs/mine/trials/{number:05d}/outcome.json", alter)
    code, text = verified(capsys, "verify.updates=1")
    assert code == 0
    assert "1.15.0 → 2." in text
    for kind in ("threads: 64 →", "device: H100 →", "code: 0123456789ab →"):
        assert kind in text


def test_a_file_without_a_trial_cannot_be_verified(swept, best, capsys):
    (swept / "own.yaml").write_text("training: {epochs: 1.0}\n")
    assert main(["verify", "own.yaml"]) == 2
    assert "provenance in own.yaml" in capsys.readouterr().err
