"""A soup of every task: built from files, saved, and loaded again."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from tests.tiny_checkpoints import BAD, GOOD
from tests.training.members import saved, trained
from tests.training.test_span_and_choice import CASES, words
from tuner.data import prepare
from tuner.files.model_folder import defect
from tuner.settings.settings import DataSettings
from tuner.soup import Member, MemberFile, SoupRequest
from tuner.tasks import Classification, Multilabel, Regression

pytestmark = pytest.mark.tf

TEXTS = {"text": "text", "label": "label"}
ROWS = {"train": 48, "validation": 24}


def labels_row():
    row = words((*GOOD[:3], *BAD[:3]), 4)
    return {"text": " ".join(row), "label": sorted({*row} & {GOOD[0], BAD[0], BAD[1]})}


def number_row():
    row = words((*GOOD, *BAD), 6)
    return {"text": " ".join(row), "label": float(sum(word in GOOD for word in row))}


def label_row():
    row = words((*GOOD, *BAD), 5)
    return {"text": " ".join(row), "label": "good" if row[0] in GOOD else "bad"}


ALL = CASES | {
    "classification": (label_row, Classification(), TEXTS),
    "multilabel": (labels_row, Multilabel(), TEXTS),
    "regression": (number_row, Regression(), TEXTS),
}


@pytest.fixture(params=ALL)
def settings(request, workspace, make_settings):
    """Settings of a trial of one task."""
    row, task, columns = ALL[request.param]
    places = {}
    for name, count in ROWS.items():
        path = workspace / f"soup_{request.param}_{name}.json"
        path.write_text(json.dumps([row() for _ in range(count)]))
        places[name] = str(path)
    data = DataSettings(format="json", **places, **columns)
    return replace(make_settings(), data=data, task=task)


def requested(settings, data, model, folder, instead_of):
    """A request for a soup of a model and its copy; the weights of a third are missing."""
    (path,) = saved(folder / "members", data, [model]).values()
    files = [path, shutil.copy(path, folder / "copy"), folder / "missing"]
    members = [Member(trial=number, seed=3) for number in range(3)]
    return SoupRequest(
        settings=settings,
        members=tuple(
            MemberFile(member=member, path=str(file))
            for member, file in zip(members, files, strict=True)
        ),
        instead_of=members[instead_of],
        objective=settings.task.objective,
        folder=str(folder / "model"),
    )


def test_a_soup_is_built_and_loaded_again(settings, tmp_path):
    """Two equal members are an average that is no worse; the third has no file."""
    from tuner.training.evaluate import Evaluator
    from tuner.training.predictor import Predictor
    from tuner.training.soup import build

    data = prepare(settings.data, settings.model, settings.task)
    one = trained(data, seed=1)
    request = requested(settings, data, one, tmp_path, instead_of=0)
    members = [file.member for file in request.members]
    progress = []
    soup = build(request, progress.append)
    assert [(each.done, each.total) for each in progress] == [(n, 4) for n in (1, 2, 3, 4)]
    assert soup.accepted
    assert soup.members == (*members[:2],)
    assert [each.member for each in soup.left_out] == members[2:]
    assert soup.gain.mean == soup.gain.low == soup.gain.high == 0.0
    assert soup.selection_rows + soup.acceptance_rows == ROWS["validation"]

    rows = np.arange(ROWS["validation"])
    outputs = Evaluator(one, data.task).logits(data.validation, rows, 8)
    expected = data.task.evaluate(outputs.astype(np.float64), data.validation.truth(rows))
    for name, value in expected.scores.items():
        assert soup.scores[name].value == pytest.approx(value, abs=1e-6)
    assert soup.single_scores["loss"].value == pytest.approx(expected.loss, rel=1e-5)

    assert defect(tmp_path / "model", contents=True) is None
    predictor = Predictor(tmp_path / "model")
    assert type(predictor.task) is type(settings.task)
    assert (predictor.thresholds or []) == pytest.approx(list(expected.thresholds or []), abs=1e-5)
    np.testing.assert_allclose(
        predictor.split_logits(data.validation), data.task.exported(outputs), rtol=1e-4, atol=1e-5
    )


def test_one_member_alone_is_no_soup(make_settings, data, tmp_path):
    from tuner.training.soup import build

    paths = saved(tmp_path / "members", data, [trained(data, seed=1)])
    request = SoupRequest(
        settings=make_settings(),
        members=tuple(MemberFile(member=each, path=str(path)) for each, path in paths.items()),
        instead_of=next(iter(paths)),
        objective="val_accuracy",
        folder=str(tmp_path / "model"),
    )
    soup = build(request)
    assert not soup.accepted
    assert soup.steps == ()
    assert not (tmp_path / "model").exists()


def test_without_the_published_model_there_is_no_soup(make_settings, tmp_path):
    from tuner.training.soup import build

    settings = make_settings()
    data = prepare(settings.data, settings.model, settings.task)
    request = requested(settings, data, trained(data, seed=1), tmp_path, instead_of=2)
    members = [file.member for file in request.members]
    soup = build(request)
    assert members[2].text in soup.rejected
    assert [each.member for each in soup.left_out] == members[2:]
    assert not (tmp_path / "model").exists()
