"""A repetition is stopped when enough is compared; files of other trials are refused."""

import pytest
import yaml

from tests.records import report, settings
from tuner.commands.verify import result_lines
from tuner.config import dump_trial
from tuner.errors import InputError
from tuner.orchestration.verification import Verification, _Repetition, recorded_trial
from tuner.trial.certificate import Mark, compare
from tuner.trial.folder import StudyFolder
from tuner.trial.records import TrialOutcome, TrialState


def mark(update, val_loss=None, loss=0.5) -> Mark:
    return Mark(update=update, loss=loss, weights="0f", val_loss=val_loss)


def test_a_point_that_is_reported_twice_counts_with_all_rows():
    """A trial that ends as converged reports its last point on some rows, then on all."""
    recorded = [mark(1), mark(10, 0.6), mark(20, 0.55)]
    heard = _Repetition(recorded=recorded, last=20, ends_at=2)
    heard.hear(report(point=1, marks=(mark(1), mark(10, 0.6))))
    assert not heard.is_enough
    heard.hear(report(point=2, marks=(mark(20, 0.7),)))
    assert not heard.is_enough
    heard.hear(report(point=2, final=True, marks=(mark(20, 0.55),)))
    assert heard.is_enough
    assert compare(recorded, heard.marks).agreement == "identical"


@pytest.mark.parametrize(
    ("last", "loss", "enough"), [(1, 0.5, True), (20, 0.5, False), (20, 0.6, True)]
)
def test_it_ends_with_the_last_update_or_a_difference(last, loss, enough):
    heard = _Repetition(recorded=[mark(1), mark(20)], last=last, ends_at=None)
    heard.hear(report(point=1, marks=(mark(1, loss=loss),)))
    assert heard.is_enough is enough


def test_earlier_attempts_are_a_reason_for_a_difference():
    comparison = compare([mark(1)], [mark(1, loss=0.7)])
    found = Verification(comparison=comparison, changes=(), attempts=2)
    assert [name for name, _ in result_lines(found)][-1] == "attempts"


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        ({"attempt": 2}, "did not end in the folder"),
        ({"value": 0.7}, "did not end in the folder"),
        ({}, "has no certificate"),
    ],
)
def test_a_file_of_another_trial_with_the_number_is_refused(tmp_path, other, problem):
    folder = StudyFolder(tmp_path, "mine")
    trial = folder.trial(0)
    trial.begin(dump_trial(settings()))
    trial.finish(TrialOutcome(number=0, state=TrialState.COMPLETE, value=0.8))
    facts = {"study": "mine", "trial": 0, "attempt": 1, "value": 0.8} | other
    folder.best.write_text(yaml.safe_dump({"training": {"seed": 0}, "provenance": facts}))
    with pytest.raises(InputError) as error:
        recorded_trial(folder.best)
    assert problem in str(error.value)
