import dataclasses
import os
import subprocess
import sys

import datasets
import huggingface_hub
import pytest

from tests.tiny_checkpoints import reviews
from tuner.data import hub, prepare
from tuner.data.held_out import read_held_out
from tuner.data.source import find_sources, find_test
from tuner.errors import InputError
from tuner.settings.settings import DataSettings
from tuner.tasks import Classification, Multilabel


@pytest.fixture(autouse=True)
def quiet(monkeypatch, tmp_path):
    """No progress bars, no network, a cache of its own."""
    datasets.disable_progress_bars()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


def rows(count=40, seed=0):
    texts, labels = zip(*reviews(count, seed), strict=True)
    return {"text": texts, "label": [int(label == "positive") for label in labels]}


@pytest.fixture
def saved(tmp_path):
    """A folder as `save_to_disk` writes it, with class labels and two splits."""
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good"])}
    )
    splits = {
        name: datasets.Dataset.from_dict(rows(count, seed), features=features)
        for seed, (name, count) in enumerate({"train": 40, "test": 10}.items())
    }
    datasets.DatasetDict(splits).save_to_disk(str(tmp_path / "saved"))
    return DataSettings(format="hub", name=str(tmp_path / "saved"), validation="test")


def test_class_labels_become_names(saved, model):
    prepared = prepare(saved, model, Classification())
    assert prepared.labels == ("bad", "good")
    assert (len(prepared.train), len(prepared.validation)) == (40, 10)
    assert prepared.report.train_counts == (20, 20)


def test_a_hit_needs_no_reading(saved, model, monkeypatch):
    first = prepare(saved, model, Classification())
    monkeypatch.setattr(hub, "read_hub", lambda *_: pytest.fail("read again"))
    assert prepare(saved, model, Classification()).fingerprint == first.fingerprint


def test_unlabelled_rows_are_refused(tmp_path, model):
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good"])}
    )
    content = {"text": ["a", "b"], "label": [-1, 0]}
    datasets.Dataset.from_dict(content, features=features).save_to_disk(str(tmp_path / "one"))
    with pytest.raises(InputError, match="1 row has no label"):
        prepare(DataSettings(format="hub", name=str(tmp_path / "one")), model, Classification())


def test_a_folder_of_data_files(tmp_path, model):
    folder = tmp_path / "files"
    folder.mkdir()
    datasets.Dataset.from_dict(rows()).to_parquet(str(folder / "train.parquet"))
    data = DataSettings(format="hub", name=str(folder), train="train[:50%]")
    assert prepare(data, model, Classification()).report.train_rows == 18
    with pytest.raises(InputError, match=r"cannot be read[^$]*data\.train"):
        prepare(
            DataSettings(format="hub", name=str(folder), train="nope"), model, Classification()
        )


def test_csv_files_whose_labels_are_read_as_numbers_are_warned_of(tmp_path):
    for label, warned in (("01", True), ("a1", False)):
        folder = tmp_path / label
        folder.mkdir()
        (folder / "train.csv").write_text(f"text,label\na,1\nb,{label}\n")
        table = find_sources(DataSettings(format="hub", name=str(folder)))[0].read()
        assert [("01 and 1" in note and "data=csv" in note) for note in table.notes] == [
            True
        ] * warned


def test_a_split_that_is_missing(saved, model):
    bad = DataSettings(format="hub", name=saved.name, train="nope")
    with pytest.raises(InputError, match=r"'train', 'test'[^$]*data\.train=SPLIT"):
        prepare(bad, model, Classification())


class TestSplitsOfASavedDataset:
    """`save_to_disk` of one `Dataset` keeps no more of its split than a name, if it has one."""

    @pytest.fixture
    def folder(self, tmp_path):
        def save(split=None, count=25):
            numbers = range(count)
            content = {"text": [f"t{i}" for i in numbers], "label": [i % 2 for i in numbers]}
            rows = datasets.Dataset.from_dict(content, split=split)
            rows.save_to_disk(str(tmp_path / "one"))
            rows.to_parquet(str(tmp_path / "files" / "train.parquet"))
            return str(tmp_path / "one")

        return save

    @staticmethod
    def texts(folder, split):
        data = DataSettings(format="hub", name=folder, train=split)
        return list(find_sources(data)[0].read().values["text"])

    @pytest.mark.parametrize(
        "split",
        ["train", "train[:50%]", "train[50%:]", "train[10:20]", "train[-5:]", "train[:33%]",
         "train[:20%]+train[90%:]"],
    )  # fmt: skip
    def test_a_slice_has_the_rows_that_load_dataset_gives(self, folder, split):
        one = folder()
        files = one.replace("one", "files")
        expected = list(datasets.load_dataset(files, split=split)["text"])
        assert self.texts(one, split) == self.texts(files, split) == expected

    def test_halves_share_no_row(self, folder):
        one = folder()
        halves = [self.texts(one, split) for split in ("train[:50%]", "train[50%:]")]
        assert sorted(map(len, halves)) == [12, 13]
        assert not set(halves[0]) & set(halves[1])

    @pytest.mark.parametrize("key", ["train", "validation", "test"])
    def test_an_unknown_split_is_refused(self, folder, key):
        data = DataSettings(format="hub", name=folder(), **{key: "other"})
        roles = ("train", "validation", "test")
        found = dict(zip(roles, (*find_sources(data), find_test(data)), strict=True))
        with pytest.raises(InputError, match=rf"other[^$]*'train'[^$]*data\.{key}"):
            found[key].read()

    def test_test_rows_are_never_training_rows(self, folder):
        data = DataSettings(format="hub", name=folder(), test="test")
        with pytest.raises(InputError, match=r"data\.test"):
            read_held_out(data, Classification())

    def test_a_named_split_keeps_its_name(self, folder):
        one = folder("test")
        assert len(self.texts(one, "test")) == 25
        with pytest.raises(InputError, match=r"Unknown split \"train\"[^$]*'test'"):
            self.texts(one, "train")

    def test_a_saved_slice_is_what_it_was_cut_from(self, folder):
        assert len(self.texts(folder("train[:50%]"), "train")) == 25


def test_slices_and_sums_of_a_saved_dict(saved):
    data = dataclasses.replace(saved, train="train[:25%]+test[5:]", validation=None)
    texts = find_sources(data)[0].read().values["text"]
    parts = [list(rows(count, seed)["text"]) for count, seed in ((40, 0), (10, 1))]
    assert texts == parts[0][:10] + parts[1][5:]


class TestOnTheHub:
    """With a hub that answers from memory."""

    @pytest.fixture
    def online(self, monkeypatch):
        class Info:
            sha = "c0ffee"

        asked = []
        loaded = datasets.Dataset.from_dict(rows())
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda *_, **__: Info())
        monkeypatch.setattr(
            datasets, "load_dataset", lambda *a, **kw: asked.append((a, kw)) or loaded
        )
        return asked

    data = DataSettings(format="hub", name="some/reviews", config="plain")

    def test_reads_the_commit_that_was_asked_for_once(self, online, model):
        first = prepare(self.data, model, Classification())
        assert prepare(self.data, model, Classification()).fingerprint == first.fingerprint
        assert online == [(("some/reviews", "plain"), {"split": "train", "revision": "c0ffee"})]

    def test_without_network_the_last_commit_stands(self, online, model, monkeypatch):
        first = prepare(self.data, model, Classification())
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        assert prepare(self.data, model, Classification()).fingerprint == first.fingerprint
        assert len(online) == 1

    def test_a_new_commit_is_read(self, online, model, monkeypatch):
        prepare(self.data, model, Classification())
        monkeypatch.setattr(hub, "_commit", lambda _: "beef")
        prepare(self.data, model, Classification())
        assert len(online) == 2

    @pytest.mark.usefixtures("online")
    def test_configurations_are_listed_when_the_reader_knows_them(self, monkeypatch):
        error = ValueError("Config name is missing.\nPlease pick one")
        error.builder_configs = ["plain", "noisy"]

        def fail(*_, **__):
            raise error

        monkeypatch.setattr(datasets, "load_dataset", fail)
        with pytest.raises(InputError, match=r"Config name is missing\.[^$]*plain, noisy"):
            find_sources(self.data)[0].read()


def test_offline_and_never_fetched(tmp_path):
    code = (
        "from tuner.settings.settings import DataSettings\n"
        "from tuner.data.source import find_sources\n"
        "from tuner.errors import InputError\n"
        "try: find_sources(DataSettings(format='hub', name='some/data'))[0].read()\n"
        "except InputError as error: print(error)\n"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert "some/data cannot be read: the hub cannot be reached" in done.stdout
    assert "where: data.name and data.train" in done.stdout


def test_lists_of_class_numbers_become_lists_of_their_names(tmp_path, model):
    labels = datasets.Sequence(datasets.ClassLabel(names=["joy", "anger", "fear"]))
    features = datasets.Features({"text": datasets.Value("string"), "label": labels})
    content = {"text": [f"a film {i}" for i in range(12)], "label": [[0], [0, 1], [2], []] * 3}
    made = datasets.Dataset.from_dict(content, features=features)
    made.save_to_disk(str(tmp_path / "one"))
    made.to_parquet(str(tmp_path / "one.parquet"))
    for data in (
        DataSettings(format="hub", name=str(tmp_path / "one")),
        DataSettings(format="parquet", train=str(tmp_path / "one.parquet")),
    ):
        assert prepare(data, model, Multilabel()).labels == ("anger", "fear", "joy")
