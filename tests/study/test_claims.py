"""Claims of trials: which one is taken, and what an agent leaves that dies in the middle."""

import time
from dataclasses import replace

import optuna
import pytest
from optuna.trial import TrialState as OptunaState

from tests.killed import AT_FLUSH, AT_STATEMENT, killed
from tests.records import outcome
from tests.studies import BRIEF, DEFAULTS, complete, make_study, on_both, stored
from tuner.study import sqlite_url
from tuner.study.journal import journal_url
from tuner.study.snapshot import Claim, Origin, RunningTrial, StudySnapshot, choose
from tuner.trial.records import TrialState

ME, OTHER = {"agent": "mine"}, {"agent": "theirs"}
LIVING = RunningTrial(number=1, owner=OTHER, is_abandoned=False)
LOST = RunningTrial(number=2, owner=OTHER, is_abandoned=True)
UNSIGNED = RunningTrial(number=3, owner=None, is_abandoned=True)
UNANSWERED = RunningTrial(number=4, owner=ME, is_abandoned=False)


@pytest.mark.parametrize(
    ("running", "waiting", "total", "can_draw", "expected"),
    [
        ([], (), 1, True, Claim(origin=Origin.NEW)),
        ([], (), 1, False, None),
        ([], (), 0, True, None),
        ([], (5,), 1, True, Claim(origin=Origin.WAITING)),
        ([], (5,), 0, True, None),
        ([LIVING], (), 1, True, None),
        ([LIVING], (), 2, True, Claim(origin=Origin.NEW)),
        ([LOST], (5,), 1, True, Claim(origin=Origin.LOST, number=2)),
        ([UNSIGNED], (), 1, False, Claim(origin=Origin.LOST, number=3)),
        ([UNANSWERED], (), 1, True, Claim(origin=Origin.OURS, number=4)),
        ([LIVING], (), None, True, Claim(origin=Origin.NEW)),
    ],
)
def test_what_is_claimed(running, waiting, total, can_draw, expected):
    snapshot = StudySnapshot(counted=0, waiting=waiting, running=tuple(running))
    assert choose(snapshot, ME, total, (), can_draw=can_draw) == expected


def test_nothing_is_claimed_while_a_trial_that_we_still_run_waits_for_another_agent():
    snapshot = StudySnapshot(counted=0, waiting=(6, 7), running=())
    assert choose(snapshot, ME, 9, {7}, can_draw=True) is None


@on_both
def test_a_trial_without_an_owner_is_claimed_next_and_counts_no_crash(open_study, tmp_path):
    study = open_study()
    stored(tmp_path).ask()  # As an agent does that dies before it writes its name.
    assert stored(tmp_path).trials[0].state is OptunaState.RUNNING
    trial = study.claim(1)
    assert (trial.number, trial.parameters) == (0, DEFAULTS)
    assert (trial.attempt, trial.crashes) == (1, 0)
    assert study.claim(1) is None


def test_silence_without_an_owner_is_counted_study_by_study(tmp_path):
    url, brief = sqlite_url(tmp_path / "study.db"), replace(BRIEF, heartbeat_timeout=0.3)
    studies = [make_study(url, name=name, storage=brief) for name in ("s", "other")]
    for study in studies:
        complete(study)
        found = optuna.load_study(study_name=study.identity.name, storage=url)
        found.enqueue_trial({"optimizer.learning_rate": 1e-5})  # As an earlier version does.
        found.ask()

    def is_abandoned(study):
        (trial,) = study._claims.snapshot((), trust_silence=True).running
        return trial.is_abandoned

    first, other = studies
    assert not is_abandoned(first)
    time.sleep(0.4)
    assert is_abandoned(first)
    assert not is_abandoned(other)
    for study in studies:
        study.close()


@on_both
def test_a_trial_that_waits_is_not_run_where_the_total_shrank(open_study, tmp_path):
    study = open_study()
    complete(study)
    stopped = study.claim(2)
    study.finish(outcome(stopped.number, TrialState.INTERRUPTED))
    assert study.claim(1) is None
    assert not study.may_claim(1)
    assert stored(tmp_path).trials[1].state is OptunaState.WAITING
    assert study.claim(2).number == 1


CLAIM = """
moment, left = left, 10**9
from tests.studies import complete, make_study
study = make_study(sys.argv[2])
for _ in range(int(sys.argv[3])):
    complete(study)
left = moment
study.claim(None)
"""


def assert_shared_once(url, tmp_path):
    """Run the study to three trials: each is run once, and none is left over."""
    study = make_study(url)
    study.requeue_orphans()
    while (trial := study.claim(3)) is not None:
        study.finish(outcome(trial.number, value=0.7, parameters=trial.parameters))
    study.close()
    found = stored(tmp_path).trials
    assert [trial.state for trial in found] == [OptunaState.COMPLETE] * 3
    assert found[0].params == DEFAULTS
    assert len({str(trial.params) for trial in found}) == 3


@pytest.mark.parametrize("ended", [0, 1])
@pytest.mark.parametrize(
    "moment", [12, 24, 30, *(pytest.param(n, marks=pytest.mark.slow) for n in range(0, 62, 4))]
)
def test_an_agent_killed_in_a_claim_in_a_database_leaves_one_trial(tmp_path, moment, ended):
    url = sqlite_url(tmp_path / "study.db")
    assert killed(AT_STATEMENT + CLAIM, moment, url, ended) or moment > 40
    assert_shared_once(url, tmp_path)


@pytest.mark.parametrize("ended", [0, 1])
@pytest.mark.parametrize(
    "moment", [1, 2, *(pytest.param(n, marks=pytest.mark.slow) for n in (0, 3, 4, 5, 6))]
)
def test_an_agent_killed_in_a_claim_in_a_journal_leaves_one_trial(tmp_path, moment, ended):
    url = journal_url(tmp_path / "study.journal")
    assert killed(AT_FLUSH + CLAIM, moment, url, ended) or moment > 3
    assert_shared_once(url, tmp_path)
