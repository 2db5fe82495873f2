"""More than a thousand damaged files of every kind that is read: each is read or refused.

They are read in a process of their own, so that a death, a traceback or a hang of the reader shows
and fails one example.
"""

import csv
import json
import os
import select
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from tests.checkpoints.pickles import as_pickle
from tests.mutations import changed_json, changed_safetensors, damaged_bytes
from tests.tiny_checkpoints import write_checkpoint, write_reviews
from tuner.config import compose_sweep, dump_trial

MORE = int(os.environ.get("TUNER_MUTATIONS", "1"))
"""Times as many files, for a long search."""

SECONDS = 120
"""Within which a reader answers, on a machine that has much else to do."""

SWEEP = """\
name: mine
objectives: [val_accuracy]
n_trials: 5
timeout: 100
overrides: [training.epochs=2, model.max_length=32]
space:
  optimizer.learning_rate: tag(log, interval(1e-6, 1e-2))
  optimizer: choice(adamw, sgd)
  optimizer.momentum: {values: "interval(0.5, 0.99)", when: {optimizer: sgd}}
"""
OPTIMIZER = "name: adamw\nlearning_rate: 1e-4\nweight_decay: 0.01\nbeta_1: 0.8\n"
TRAINING = "batch_size: 8\nepochs: 2.5\nclip_norm: null\nclass_weights: {good: 2}\n"


class Reader:
    """A process that reads files, started again after each death."""

    def __init__(self, cache):
        self._cache = cache
        self._process = None

    def read(self, what, folder):
        """Result for each file: `read`, `refused` or the failure, and the message."""
        if self._process is None:
            self._process = self._start()
        print(json.dumps({"reader": what, "folder": str(folder)}), file=self._process.stdin)
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], SECONDS)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            self.close()
            return ["died" if ready else "hung", ""]
        return json.loads(line)

    def _start(self):
        environment = os.environ | {"TUNER_CACHE": str(self._cache)}
        return subprocess.Popen(
            [sys.executable, "-m", "tests.file_reader"],
            cwd=Path(__file__).parents[2],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def close(self):
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@pytest.fixture
def folder(tmp_path):
    """A checkpoint, data and configuration, all sound."""
    write_checkpoint(tmp_path / "model", hidden=4, layers=1, positions=20)
    write_reviews(tmp_path / "train.csv", 12, seed=1)
    for path, text in {
        "sweeps/mine.yaml": SWEEP,
        "conf/optimizer/mine.yaml": OPTIMIZER,
        "conf/training/mine.yaml": TRAINING,
        "best.yaml": dump_trial(compose_sweep(["sweep=lr_search"], tmp_path).base),
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    reader = Reader(tmp_path_factory.mktemp("cache"))
    yield reader
    reader.close()


def bytes_of(path):
    return damaged_bytes(path.read_bytes())


def json_of(path):
    return changed_json(json.loads(path.read_text()))


def weights_of(path):
    return changed_safetensors(path.read_bytes())


def rows(folder):
    with (folder / "train.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def as_data(name):
    """The rows as a file of another format, in place of the CSV file."""

    def written(folder):
        found = rows(folder)
        (folder / "train.csv").unlink()
        path = folder / name
        match path.suffix:
            case ".json":
                path.write_text(json.dumps(found))
            case ".jsonl":
                path.write_text("\n".join(json.dumps(row) for row in found))
            case ".conll":
                path.write_text("\n\n".join(map(as_conll, found)))
            case ".parquet":
                pq.write_table(pa.Table.from_pylist(found), path)

    return written


def as_conll(row):
    """A word in each line, the first with the label as its type."""
    words = row["text"].split() or ["-"]
    tags = [f"B-{row['label']}", *["O"] * (len(words) - 1)]
    return "\n".join(f"{word} {tag}" for word, tag in zip(words, tags, strict=True))


def as_squad(folder):
    """The texts as contexts in SQuAD's form, with their first word as the answer."""
    texts = [row["text"] for row in rows(folder)]
    (folder / "train.csv").unlink()
    questions = [
        {"question": "the film", "answers": [{"text": text.split()[0], "answer_start": 0}]}
        for text in texts
    ]
    paragraphs = [
        {"context": text, "qas": [question, {"question": "a cast", "answers": []}]}
        for text, question in zip(texts, questions, strict=True)
    ]
    content = {"version": "v2.0", "data": [{"title": "films", "paragraphs": paragraphs}]}
    (folder / "train.json").write_text(json.dumps(content))


def without_tokenizer_json(folder):
    (folder / "model" / "tokenizer.json").unlink()


def with_pickle(folder):
    as_pickle(folder / "model")


KINDS = {
    # What is read, the file, how it is changed, how often, and what is done before.
    "csv": ("inputs", "train.csv", bytes_of, 200, None),
    "json": ("inputs", "train.json", json_of, 150, as_data("train.json")),
    "json lines": ("inputs", "train.jsonl", bytes_of, 150, as_data("train.jsonl")),
    "conll": ("inputs", "train.conll", bytes_of, 100, as_data("train.conll")),
    "parquet": ("inputs", "train.parquet", bytes_of, 100, as_data("train.parquet")),
    "squad": ("questions", "train.json", json_of, 100, as_squad),
    "weights": ("inputs", "model/model.safetensors", weights_of, 150, None),
    "pickle": ("inputs", "model/pytorch_model.bin", bytes_of, 100, with_pickle),
    "config": ("inputs", "model/config.json", json_of, 150, None),
    "tokenizer": ("inputs", "model/tokenizer.json", json_of, 50, None),
    "vocabulary": ("inputs", "model/vocab.txt", bytes_of, 3, without_tokenizer_json),
    "sweep": ("sweep", "sweeps/mine.yaml", bytes_of, 20, None),
    "optimizer": ("group", "conf/optimizer/mine.yaml", bytes_of, 20, None),
    "training": ("group", "conf/training/mine.yaml", bytes_of, 20, None),
    "best": ("best", "best.yaml", bytes_of, 40, None),
}


def test_sound_files_are_read(folder, reader):
    for what in ("inputs", "sweep", "group", "best"):
        assert reader.read(what, folder) == ["read", ""]


def test_sound_questions_are_read(folder, reader):
    as_squad(folder)
    assert reader.read("questions", folder) == ["read", ""]


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_read_or_refused(kind, folder, reader):
    what, name, changes, count, before = KINDS[kind]
    if before is not None:
        before(folder)

    @settings(max_examples=count * MORE)
    @given(content=changes(folder / name))
    def check(content):
        (folder / name).write_bytes(content)
        became, message = reader.read(what, folder)
        assert became in ("read", "refused"), message
        if became == "refused":
            check_message(message)

    check()


def check_message(message):
    """True if a message has problem, place and remedy in a few readable lines."""
    assert "\n  where: " in message
    assert len(message) < 4000
    assert all(character.isprintable() or character == "\n" for character in message)


def test_more_than_a_thousand_files_are_tried():
    assert sum(count for _, _, _, count, _ in KINDS.values()) > 1000
