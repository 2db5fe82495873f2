"""With a stand-in for tensorflow_datasets, which is an extra and brings a gigabyte."""

import sys

import numpy as np
import pytest

from tuner.data import prepare, tfds, tfds_reader
from tuner.errors import InputError
from tuner.settings.settings import DataSettings
from tuner.tasks import Classification

STAND_IN = """
class Names:
    names = ["bad", "good"]

class Info:
    full_name = "reviews/plain/1.0.0"
    features = {"text": object(), "label": Names()}

class Builder:
    info = Info()
    def download_and_prepare(self): print("noise")
    def as_dataset(self, split):
        if split != "train": raise ValueError(f"Unknown split {split!r}\\nand more")
        return [{"text": f"film {i}".encode(), "label": i % 2} for i in range(20)]

def builder(name):
    assert name == "reviews/plain", name
    return Builder()

def as_numpy(rows): return rows
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    (tmp_path / "tensorflow_datasets.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)


DATA = DataSettings(format="tfds", name="reviews", config="plain")


@pytest.mark.usefixtures("installed")
def test_reads_in_another_process(model):
    prepared = prepare(DATA, model, Classification())
    assert prepared.labels == ("bad", "good")
    assert prepared.report.train_rows == 18
    assert "tensorflow_datasets" not in sys.modules


@pytest.mark.usefixtures("installed")
def test_a_hit_needs_no_reading(model, monkeypatch):
    first = prepare(DATA, model, Classification())
    monkeypatch.setattr(tfds, "READER", "no.such.module")
    assert prepare(DATA, model, Classification()).fingerprint == first.fingerprint


@pytest.mark.usefixtures("installed")
def test_the_reason_of_a_failure_is_passed_on(model):
    bad = DataSettings(format="tfds", name="reviews", config="plain", train="nope")
    with pytest.raises(InputError, match=r"ValueError: Unknown split 'nope'[^$]*data\.train"):
        prepare(bad, model, Classification())


def test_says_which_extra_is_missing(model, monkeypatch):
    monkeypatch.setattr(tfds.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install .*'tensorflow-datasets>=4\.9'"):
        prepare(DATA, model, Classification())


@pytest.mark.parametrize(
    ("cell", "names", "expected"),
    [
        (b"caf\xc3\xa9", None, "café"),
        (np.int64(1), ["a", "b"], "b"),
        (np.int64(-1), ["a", "b"], None),
        (np.float32(0.5), None, 0.5),
        (np.array([1, 2]), None, [1, 2]),
        (np.array([1, 0, -1]), ["O", "B-PER"], ["B-PER", "O", None]),
        (np.array([b"caf\xc3\xa9", b"a"], object), None, ["café", "a"]),
        (
            {"text": np.array([b"Bern"], object), "answer_start": np.array([7], np.int32)},
            None,
            {"text": ["Bern"], "answer_start": [7]},
        ),
        (3, None, 3),
    ],
)
def test_cells_become_json_values(cell, names, expected):
    assert tfds_reader.plain(cell, names) == expected


@pytest.mark.usefixtures("installed")
def test_code_of_a_community_is_not_run(model):
    with pytest.raises(InputError, match="whose own code would be run"):
        prepare(DataSettings(format="tfds", name="kaggle:reviews"), model, Classification())
