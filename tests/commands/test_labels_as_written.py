"""Rows and labels of a file are trained, saved and predicted as they are written."""

import csv
import gzip
import json

import pytest

from tests.tiny_checkpoints import reviews, write_checkpoint
from tuner.__main__ import main

pytestmark = pytest.mark.tf

TRIAL = """\
model: {checkpoint: tiny, max_length: 24}
data: {format: csv, train: train.tsv.gz, validation: dev.csv}
training:
  epochs: 1
  batch_size: 8
  class_weights: {%s: 2, %s: 1}
"""


@pytest.fixture
def here(tmp_path, monkeypatch, empty_mlflow):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mlflow.db").write_bytes(empty_mlflow.read_bytes())
    write_checkpoint(tmp_path / "tiny", "bert")
    return tmp_path


def write_files(folder, written):
    """A tab-separated file with quote marks inside its texts, and one with semicolons."""
    lines = [f"{text}\t{written[label]}" for text, label in reviews(160, 0)]
    lines[3], lines[7] = f'"{lines[3]}', lines[7].replace("\t", '"\t')
    content = "\n".join(["text\tlabel", *lines])
    (folder / "train.tsv.gz").write_bytes(gzip.compress(content.encode()))
    rows = [f"{written[label]};{text}" for text, label in reviews(40, 1)]
    (folder / "dev.csv").write_text("\n".join(["label;text", *rows]))


@pytest.mark.parametrize(
    ("written", "names"),
    [(("011", "11"), ["011", "11"]), (("1.0", "2.0"), ["1", "2"])],
)
def test_from_file_to_prediction(here, capsys, written, names):
    write_files(here, dict(zip(("negative", "positive"), written, strict=True)))
    (here / "one.yaml").write_text(TRIAL % written)
    assert main(["train", "one.yaml"]) == 0
    shown = capsys.readouterr().out
    assert "160 training rows, 40 validation rows" in shown
    assert "train.tsv.gz is read with" in shown
    model = here / "outputs/train/trials/00000/model"
    config = json.loads((model / "config.json").read_text())
    assert list(config["id2label"].values()) == names
    assert main(["predict", str(model), "dev.csv", "predict.output=p.csv"]) == 0
    shown = capsys.readouterr().out
    with (here / "p.csv").open(newline="") as file:
        predicted = list(csv.DictReader(file))
    assert {row["predicted"] for row in predicted} <= set(names)
    assert {row["label"] for row in predicted} == set(names)
    right = sum(row["label"] == row["predicted"] for row in predicted)
    assert f"accuracy {right / len(predicted):.4f}" in shown
