"""Words, questions and choices from files to the saved model: what it learns and predicts."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.tiny_checkpoints import BAD, GOOD, PLAIN
from tests.training.test_fine_tune import Recorder
from tuner.settings.settings import DataSettings
from tuner.tasks import Form, MultipleChoice, QuestionAnswering, TokenClassification

pytestmark = pytest.mark.tf

QUESTION = "is the film with a"
RANDOM = np.random.default_rng(0)


def words(kinds, count):
    return RANDOM.choice(kinds, count).tolist()


def question_row():
    """A context of 20 to 50 words, one of which, or none, praises."""
    context = words(PLAIN, RANDOM.integers(20, 50))
    praise = str(RANDOM.choice(GOOD))
    if RANDOM.random() < 0.8:
        context[RANDOM.integers(1, len(context))] = praise
    text = " ".join(context)
    answers = [{"text": praise, "answer_start": text.index(praise)}] if praise in context else []
    return {"question": QUESTION, "context": text, "answers": answers}


def choice_row():
    """A text, and four words of which one praises."""
    choices = [*words(BAD, 3), str(RANDOM.choice(GOOD))]
    RANDOM.shuffle(choices)
    right = next(number for number, word in enumerate(choices) if word in GOOD)
    return {"text": "the film is", **dict(zip("abcd", choices, strict=True)), "label": right}


def tagged_row():
    """A list of 5 to 50 words, of which some praise, and some blame in two words."""
    row = words(PLAIN, RANDOM.integers(5, 50))
    tags = ["O"] * len(row)
    for place in range(0, len(row) - 1, 3):
        if RANDOM.random() < 0.3:
            row[place], tags[place] = str(RANDOM.choice(GOOD)), "B-praise"
        elif RANDOM.random() < 0.3:
            row[place : place + 2] = words(BAD, 2)
            tags[place : place + 2] = "B-blame", "I-blame"
    return {"tokens": row, "tags": tags}


CASES = {
    "token_classification": (
        tagged_row,
        TokenClassification(stride=4),
        {"text": "tokens", "label": "tags"},
    ),
    "question_answering": (
        question_row,
        QuestionAnswering(stride=4),
        {"text": "question", "text_pair": "context", "label": "answers"},
    ),
    "multiple_choice": (choice_row, MultipleChoice(), {"choices": list("abcd")}),
}


@pytest.fixture(scope="module")
def tuner():
    from tuner.training.fine_tune import FineTuner

    return FineTuner()


@pytest.fixture(scope="module", params=CASES)
def made(request, workspace, make_settings):
    """Settings of a trial of one task."""
    row, task, columns = CASES[request.param]
    places = {}
    for name, count in (("train", 240), ("validation", 60)):
        path = workspace / f"{request.param}_{name}.json"
        path.write_text(json.dumps([row() for _ in range(count)]))
        places[name] = str(path)

    def make(**training):
        return replace(
            make_settings(dropout=0.0, **training),
            data=DataSettings(format="json", **places, **columns),
            task=task,
        )

    return make


def run(tuner, settings):
    recorder = Recorder()
    assert not tuner.run(settings, recorder)
    return recorder


def test_it_is_learned_and_the_saved_model_gives_what_was_scored(tuner, made, tmp_path):
    from tuner.training.predictor import Predictor

    settings = made(epochs=6.0, batch_size=16, optimizer={"name": "adamw", "learning_rate": 3e-3})
    told = run(tuner, settings)
    tuner.save_model(tmp_path / "model")
    data = json.loads(Path(settings.data.validation).read_text())
    last = told.reports[-1]
    assert last.fixed.score > told.guess.score + 0.4
    assert last.fixed.association > 3.0

    predictor = Predictor(tmp_path / "model")
    assert type(predictor.task) is type(settings.task)
    if settings.task.form is Form.WORDS:
        rows = predictor.predictions([tuple(row["tokens"]) for row in data])
        found = [tag for row in rows for tag in row["tags"]]
        true = np.array([tag for row in data for tag in row["tags"]])
        assert np.mean(true == found) == pytest.approx(last.metrics["val_token_accuracy"])
        assert set(last.by_class) == {"praise", "blame"}
        return
    if settings.data.choices:
        pairs = [tuple(row[name] for name in "abcd") for row in data]
    else:
        pairs = [row["context"] for row in data]
    rows = predictor.predictions([row[settings.data.text] for row in data], pairs)
    if settings.data.choices:
        right = [found["index"] == row["label"] for found, row in zip(rows, data, strict=True)]
    else:
        right = [
            (found["answer"], found["start"])
            == next(((a["text"], a["answer_start"]) for a in row["answers"]), ("", None))
            for found, row in zip(rows, data, strict=True)
        ]
    score = last.metrics.get("val_exact", last.metrics.get("val_accuracy"))
    assert np.mean(right) == pytest.approx(score)


def test_smaller_batches_make_the_same_updates(tuner, made):
    one, other = (
        run(tuner, made(batch_size=batch, accumulation_steps=steps, epochs=0.5)).reports
        for batch, steps in ((16, 1), (4, 4))
    )
    assert [a.train_loss for a in one] == pytest.approx([b.train_loss for b in other], rel=1e-4)
    assert [a.val_loss for a in one] == pytest.approx([b.val_loss for b in other], rel=1e-4)
