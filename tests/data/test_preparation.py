import dataclasses
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.data.files import write
from tests.tiny_checkpoints import WORDS, reviews, write_checkpoint, write_reviews
from tuner.data import cache as cache_module
from tuner.data import prepare
from tuner.data.preparation import read_splits
from tuner.data.source import find_sources
from tuner.errors import InputError
from tuner.settings.settings import DataSettings, ModelSettings
from tuner.tasks import Classification, QuestionAnswering


@pytest.fixture
def data(tmp_path):
    return DataSettings(format="csv", train=str(write_reviews(tmp_path / "train.csv", 200)))


def texts_of(prepared):
    """Token ids of both splits, which identify their rows."""
    return [
        [tuple(row.tolist()) for row in np.split(split.ids, split.offsets[1:-1])]
        for split in (prepared.train, prepared.validation)
    ]


def refused(data, model, *parts):
    with pytest.raises(InputError) as caught:
        prepare(data, model, Classification())
    for part in parts:
        assert part in str(caught.value)


class TestSplit:
    def test_holds_out_a_stratified_share(self, data, model):
        prepared = prepare(data, model, Classification())
        assert (len(prepared.train), len(prepared.validation)) == (180, 20)
        assert np.bincount(prepared.validation.labels).tolist() == [10, 10]
        assert prepared.labels == ("negative", "positive")
        train, validation = texts_of(prepared)
        assert sorted(train + validation) == sorted(
            texts_of(prepare(dataclasses.replace(data, seed=9), model, Classification()))[0]
            + texts_of(prepare(dataclasses.replace(data, seed=9), model, Classification()))[1]
        )

    def test_labels_stay_with_their_texts(self, tmp_path, model):
        path = write(tmp_path / "f.csv", [(w, w) for w in WORDS[:6]] * 4)
        prepared = prepare(DataSettings(format="csv", train=path), model, Classification())
        for split in (prepared.train, prepared.validation):
            seen = {
                (int(split.ids[start + 1]), int(label))
                for start, label in zip(split.offsets[:-1], split.labels, strict=True)
            }
            assert len({token for token, _ in seen}) == len(seen) <= 6

    def test_subsets_are_nested_and_leave_the_validation_rows_alone(self, data, model):
        whole, most, few = (
            texts_of(
                prepare(dataclasses.replace(data, train_examples=count), model, Classification())
            )
            for count in (None, 100, 20)
        )
        assert set(few[0]) <= set(most[0]) <= set(whole[0])
        assert whole[1] == most[1] == few[1]
        assert (len(most[0]), len(few[0])) == (100, 20)

    def test_the_seed_decides_alone(self, data, model):
        first = texts_of(prepare(data, model, Classification()))
        assert (
            texts_of(prepare(dataclasses.replace(data, seed=1), model, Classification()))[1]
            != first[1]
        )
        longer = dataclasses.replace(model, max_length=48)
        assert (
            prepare(data, longer, Classification()).fingerprint
            == prepare(data, model, Classification()).fingerprint
        )
        assert texts_of(prepare(data, longer, Classification()))[1] == first[1]

    def test_takes_a_validation_file_as_it_is(self, tmp_path, data, model):
        path = write_reviews(tmp_path / "validation.csv", 31, seed=5)
        prepared = prepare(
            dataclasses.replace(data, validation=str(path)), model, Classification()
        )
        assert (len(prepared.train), len(prepared.validation)) == (200, 31)

    def test_numbers_are_ordered_by_value(self, tmp_path, model):
        path = write(tmp_path / "f.csv", [("a", n) for n in (10, 9, -1, 2)] * 5)
        prepared = prepare(DataSettings(format="csv", train=path), model, Classification())
        assert prepared.labels == ("-1", "2", "9", "10")

    def test_interim_rows_are_a_fixed_stratified_subset(self, data, model):
        prepared = prepare(
            dataclasses.replace(data, validation_fraction=0.5), model, Classification()
        )
        rows = prepared.interim_rows(20)
        assert rows.tolist() == sorted(set(rows.tolist())) == prepared.interim_rows(20).tolist()
        assert np.bincount(prepared.validation.labels[rows]).tolist() == [10, 10]
        assert set(prepared.interim_rows(10)) <= set(rows)
        assert prepared.interim_rows(None).tolist() == list(range(100))
        assert prepared.interim_rows(1000).tolist() == list(range(100))

    def test_pairs_have_two_segments(self, tmp_path, model):
        rows = [("the film", "was good", "ab"[i % 2]) for i in range(10)]
        path = write(tmp_path / "f.csv", rows, ("one", "two", "label"))
        data = DataSettings(format="csv", train=path, text="one", text_pair="two")
        assert set(prepare(data, model, Classification()).train.type_ids.tolist()) == {0, 1}


class TestConstantGuess:
    def test_counts_training_frequencies_on_validation_rows(self):
        guess = baseline([0, 0, 0, 1], [0, 0, 1, 0])
        assert guess.score == 0.75
        assert guess.loss == pytest.approx(-(3 * np.log(0.75) + np.log(0.25)) / 4)

    def test_frequencies_that_mislead_are_no_better_than_equal_shares(self):
        guess = baseline([0, 0, 0, 1], [0, 1, 1, 1])
        assert guess.score == 0.25
        assert guess.loss == pytest.approx(np.log(2))


class TestBadInput:
    def test_one_label_only(self, tmp_path, model):
        path = write(tmp_path / "f.csv", [("a", "x"), ("b", "x")])
        refused(DataSettings(format="csv", train=path), model, "the same label, 'x'", path)

    def test_labels_that_training_has_not_seen(self, tmp_path, data, model):
        path = write(tmp_path / "v.csv", [("a", "mixed"), ("b", "odd"), ("c", "positive")])
        bad = dataclasses.replace(data, validation=path)
        refused(bad, model, "not in the training rows: mixed, odd", path, "negative, positive")

    def test_too_few_rows_to_hold_any_out(self, tmp_path, model):
        path = write(tmp_path / "f.csv", [("a", "x"), ("b", "y")])
        refused(DataSettings(format="csv", train=path), model, "leave none for validation")

    def test_a_missing_validation_file(self, data, model):
        bad = dataclasses.replace(data, validation="absent.csv")
        refused(bad, model, "no file absent.csv", "data.validation")

    @pytest.mark.parametrize(
        ("settings", "key"),
        [
            ({"train_examples": 0}, "data.train_examples"),
            ({"train_examples": 1}, "data.train_examples"),
            ({"validation_examples": -1}, "data.validation_examples"),
            ({"validation_fraction": 0.0}, "data.validation_fraction"),
            ({"validation_fraction": 1.0}, "data.validation_fraction"),
            ({"seed": -1}, "data.seed"),
        ],
    )
    def test_settings_out_of_range(self, data, model, settings, key):
        refused(dataclasses.replace(data, **settings), model, f"where: {key}")

    @pytest.mark.parametrize("max_length", [65, 2])
    def test_a_length_that_does_not_fit(self, data, model, max_length):
        refused(data, dataclasses.replace(model, max_length=max_length), "model.max_length")


class TestCache:
    def test_a_hit_gives_the_same_mapped(self, data, model, monkeypatch):
        first = prepare(data, model, Classification())
        monkeypatch.setattr(
            "tuner.data.preparation.load_tokenizer", lambda *_: pytest.fail("made again")
        )
        again = prepare(data, model, Classification())
        assert texts_of(first) == texts_of(again)
        assert isinstance(again.train.ids.base, np.memmap)
        assert not again.train.ids.flags.writeable
        for name in ("labels", "report", "constant_guess", "fingerprint", "checkpoint", "pad_id"):
            assert getattr(first, name) == getattr(again, name)

    def test_changed_content_is_read_again(self, tmp_path, data, model):
        first = prepare(data, model, Classification())
        write_reviews(tmp_path / "train.csv", 200, seed=1)
        assert prepare(data, model, Classification()).fingerprint != first.fingerprint

    def test_another_model_with_the_same_tokenizer_shares_it(self, data, model, tmp_path, cache):
        prepare(data, model, Classification())
        other = ModelSettings(checkpoint=str(write_checkpoint(tmp_path / "m", seed=7)))
        prepare(data, dataclasses.replace(other, max_length=32, dropout=0.3), Classification())
        assert len(list((cache / "prepared").iterdir())) == 1

    @pytest.mark.parametrize("name", ["train.ids.npy", "validation.labels.npy", "meta.json"])
    @pytest.mark.parametrize("damage", ["truncate", "remove", "empty"])
    def test_a_damaged_entry_is_made_anew(self, data, model, cache, name, damage):
        first = texts_of(prepare(data, model, Classification()))
        (entry,) = (cache / "prepared").iterdir()
        path = entry / name
        if damage == "remove":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:-40] if damage == "truncate" else b"")
        assert texts_of(prepare(data, model, Classification())) == first
        assert cache_module.load(entry.name) is not None
        assert list((cache / "prepared").iterdir()) == [entry]

    def test_a_cut_off_write_is_never_read(self, data, model, cache, monkeypatch):
        def fail(_):
            raise KeyboardInterrupt

        monkeypatch.setattr(cache_module, "_flush_folder", fail)
        with pytest.raises(KeyboardInterrupt):
            prepare(data, model, Classification())
        assert list((cache / "prepared").iterdir()) == []

    def test_folders_left_by_a_dead_process_are_removed(self, data, model, cache):
        old, young = (cache / "prepared" / name for name in (".old-x", ".young-x"))
        for folder in (old, young):
            folder.mkdir(parents=True)
        os.utime(old, (0, 0))
        prepare(data, model, Classification())
        assert (old.exists(), young.exists()) == (False, True)

    def test_an_unwritable_cache_leaves_the_data_in_memory(self, data, model, cache, caplog):
        shutil.rmtree(cache)
        cache.write_text("a file where the folder should be")
        prepared = prepare(data, model, Classification())
        assert len(prepared.train) == 180
        assert "TUNER_CACHE names another folder" in caplog.text

    def test_writers_at_the_same_time_agree(self, data, model, cache):
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda _: prepare(data, model, Classification()), range(8)))
        assert all(texts_of(one) == texts_of(made[0]) for one in made)
        assert len(list((cache / "prepared").iterdir())) == 1

    def test_processes_meet_in_the_cache_and_a_hit_imports_little(self, data, model):
        code = (
            "import json, sys, time\n"
            "from tuner.settings.settings import DataSettings, ModelSettings\n"
            "from tuner.data import prepare\n"
            "from tuner.tasks import Classification\n"
            "data, model = map(json.loads, sys.argv[1:])\n"
            "start = time.perf_counter()\n"
            "prepared = prepare(DataSettings(**data), ModelSettings(**model), Classification())\n"
            "seconds = time.perf_counter() - start\n"
            "heavy = {'pandas', 'datasets', 'transformers', 'huggingface_hub', 'pyarrow',\n"
            "         'tensorflow', 'keras'}\n"
            "print(json.dumps([prepared.fingerprint, seconds, sorted(heavy & {*sys.modules})]))\n"
        )
        settings = [json.dumps(dataclasses.asdict(part)) for part in (data, model)]
        command = [sys.executable, "-c", code, *settings]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
        answers = [json.loads(process.communicate()[0]) for process in running]
        hit = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        assert {answer[0] for answer in (*answers, hit)} == {
            prepare(data, model, Classification()).fingerprint
        }
        assert hit[1] < 1.0
        assert hit[2] == []


class TestReport:
    def test_counts_what_is_odd(self, tmp_path, model):
        train = [(f"film {w}", "x") for w in WORDS] + [("the film", "y"), ("the film", "x")]
        train += [("the film", "y"), ("", "y"), ("♥ ♥ ♥", "y"), ("a " * 40, "y")]
        validation = [("the film", "x"), ("  ", "x"), ("a scene", "x")]
        data = DataSettings(
            format="csv",
            train=write(tmp_path / "t.csv", train),
            validation=write(tmp_path / "v.csv", validation),
            train_examples=1000,
        )
        report = prepare(data, model, Classification()).report
        assert (report.train_rows, report.validation_rows) == (44, 3)
        assert (report.train_counts, report.validation_counts) == ((39, 5), (3, 0))
        assert (report.duplicates, report.contradictions) == (2, 3)
        assert (report.shared, report.empty) == (1, 2)
        assert report.truncated == pytest.approx(1 / 47)
        assert report.length_max == 42
        assert (report.tokenizer_vocabulary, report.model_vocabulary) == (98, 98)
        sentences = "\n".join(report.warnings())
        for expected in (
            "data.train_examples=1000, but there are only 44.",
            "2 training rows (4.5%) repeat",
            "3 training rows have a text that also has another label",
            "1 validation rows (33.3%)",
            "2 rows have an empty text",
            "of the tokens are unknown",
            "1 label is in no validation row: y.",
        ):
            assert expected in sentences
        assert any(line.startswith("warning: ") for line in report.lines())
        json.dumps(dataclasses.asdict(report))

    def test_clean_data_has_nothing_to_warn_of(self, tmp_path, model):
        rows = list(dict.fromkeys(reviews(400)))
        path = write(tmp_path / "f.csv", rows)
        report = prepare(DataSettings(format="csv", train=path), model, Classification()).report
        assert report.warnings() == []
        assert report.lines()[0].endswith("validation rows")

    def test_long_texts_and_rare_labels(self, tmp_path, model):
        rows = [("a " * 40, "x")] * 50 + [("a film", "y")] * 2
        path = write(tmp_path / "f.csv", rows)
        sentences = "\n".join(
            prepare(
                DataSettings(format="csv", train=path), model, Classification()
            ).report.warnings()
        )
        assert "cut at model.max_length=32; 95 % have no more than 42 tokens" in sentences
        assert "Label 'x' has 45 training rows, 'y' only 2" in sentences or "only 1" in sentences


def questions(path, answered, **settings):
    """Settings of a file with twenty questions on each context; True: with answers."""
    rows = [
        {
            "question": f"Where {number}?",
            "context": f"He left Oslo {context}.",
            "answers": [{"text": "Oslo", "answer_start": 8}] if has_answers else [],
        }
        for context, has_answers in enumerate(answered)
        for number in range(20)
    ]
    path.write_text(json.dumps(rows))
    return DataSettings(
        format="json", train=str(path), text="question", text_pair="context", label="answers",
        **settings,
    )  # fmt: skip


class TestHeldOutContexts:
    def test_no_context_is_in_both_splits(self, tmp_path):
        data = questions(tmp_path / "f.json", [True] * 10, validation_fraction=0.2)
        (train, validation), _, _ = read_splits(data, QuestionAnswering(), find_sources(data))
        assert (len(train), len(validation)) == (160, 40)
        assert set(train.pairs).isdisjoint(validation.pairs)

    def test_a_training_split_without_an_answer_is_refused(self, tmp_path):
        read, remedies = [], []
        for seed in range(6):
            data = questions(tmp_path / "f.json", [True, False], seed=seed)
            try:
                (train, _), _, _ = read_splits(data, QuestionAnswering(), find_sources(data))
            except InputError as refused:
                remedies.append(refused.remedy)
            else:
                read.append(train)
        assert read
        assert all(all(train.targets) for train in read)
        assert remedies
        assert all("data.validation=FILE" in remedy for remedy in remedies)


def baseline(train, validation):
    return Classification().baseline(np.array(train), np.array(validation), 2)
