import math
from dataclasses import replace

from tests.records import report
from tests.results.html.studies import BOTH, curve, ended, shown, traded, unfinished
from tuner.study.reader import Phase
from tuner.trial.folder import TrialFolder
from tuner.trial.records import TrialError, TrialState
from tuner.trial.serialization import to_json


def write(tmp_path, *lines):
    path = tmp_path / "reports.jsonl"
    path.write_text("\n".join(lines))
    return path


def read_reports(path):
    return tuple(TrialFolder(path.parent).read_reports())


def test_the_last_report_of_a_point_counts(tmp_path):
    first, again = report(2), replace(report(2), val_loss=0.25)
    path = write(tmp_path, to_json(report(1)), to_json(first), to_json(again), "")
    assert read_reports(path) == (report(1), again)


def test_a_torn_line_and_one_of_another_version_are_left_out(tmp_path):
    whole = to_json(report(1))
    assert read_reports(write(tmp_path, whole, whole[:-40])) == (report(1),)
    assert read_reports(write(tmp_path, '{"point": 1}', "[]", "7", whole)) == (report(1),)


def test_nan_is_read_as_it_was_written(tmp_path):
    found = read_reports(write(tmp_path, to_json(report(1, val_loss=math.nan))))
    assert math.isnan(found[0].val_loss)


def test_no_file_is_no_reports(tmp_path):
    assert read_reports(tmp_path / "reports.jsonl") == ()


def test_trials_stand_ranked_then_as_they_ended_then_running_then_waiting():
    study = shown(
        unfinished(0, Phase.WAITING),
        unfinished(1),
        ended(2, TrialState.PRUNED),
        ended(3, value=0.6),
        ended(4, value=0.8),
    )
    assert [(t.number, t.rank, t.state) for t in study.trials] == [
        (4, 1, "complete"),
        (3, 2, "complete"),
        (2, None, "pruned"),
        (1, None, "running"),
        (0, None, "waiting"),
    ]
    assert study.best.number == 4
    assert [trial.number for trial in study.unfinished] == [1, 0]


def test_the_curve_is_that_of_the_rows_which_every_point_evaluates():
    last = report(2, val_loss=0.4, val_accuracy=0.8)
    last = replace(last, fixed=replace(last.fixed, loss=0.3))
    points = shown(ended(0), reports={0: [report(1), last]}).trials[0].curve
    assert [(p.share, p.val_loss, *p.measured.values()) for p in points] == [
        (0.2, 0.5, 0.7), (0.4, 0.3, 0.8),
    ]  # fmt: skip


def test_without_a_folder_the_curve_is_what_the_study_knows_up_to_the_end():
    # It concluded at 2 of 4 and is held from there on.
    held = {p: {"val_accuracy": value} for p, value in enumerate((0.6, 0.7, 0.7, 0.7), start=1)}
    trial = ended(0, values=held, last=report(2, 4), stopped_by="converged")
    (found,) = shown(trial).trials
    assert [(p.point, p.share, *p.measured.values()) for p in found.curve] == [
        (1, 0.25, 0.6), (2, 0.5, 0.7),
    ]  # fmt: skip
    assert found.curve[0].val_loss is None
    assert found.ending == "stopped early at 2 of 4: nothing more to gain"


def test_a_running_trial_shows_its_last_score():
    (trial,) = shown(unfinished(0), reports={0: curve(0.6, 0.5)}).trials
    assert (trial.state, trial.value) == ("running", None)
    assert trial.measured == {"val_accuracy": 0.7}


def test_why_a_trial_ended_is_said():
    pruned = ended(0, TrialState.PRUNED, last=report(3), stopped_by="pruner")
    error = TrialError(kind="crash", type="WorkerDied", message="killed")
    failed = ended(1, TrialState.FAILED, error=error, diagnosis=None)
    first, second = shown(pruned, failed, ended(2)).trials[1:]
    assert first.ending == "pruned at 3 of 5: it was unpromising there"
    assert (second.ending, second.status) == ("WorkerDied: killed", "")


def test_of_several_objectives_the_front_stands_first_and_its_knee_at_the_top():
    points = [(0.9, 10.0), (0.88, 30.0), (0.7, 32.0), (0.6, 20.0)]
    study = shown(*traded(*points), objectives=BOTH)
    assert [(t.number, t.rank, t.on_front) for t in study.trials] == [
        (1, 1, True), (0, 2, True), (2, 3, True), (3, 4, False),
    ]  # fmt: skip
    assert study.best.measured == {"val_accuracy": 0.88, "examples_per_second": 30.0}
    assert [t.number for t in study.front] == [1, 0, 2]
    assert shown(ended(0)).front == []


def test_a_trial_that_misses_a_constraint_says_which_and_has_no_rank():
    text = "val_accuracy 0.6, not >= 0.8"
    poor, good = ended(0, value=0.6, violated=(text,)), ended(1, value=0.9)
    study = shown(poor, good, constraints={"val_accuracy": ">= 0.8"})
    assert [(t.number, t.rank, t.missed) for t in study.trials] == [(1, 1, ()), (0, None, (text,))]
    assert study.trials[1].misses("val_accuracy")
    assert not study.trials[1].misses("val_loss")


def test_a_trial_that_did_not_complete_shows_what_it_was_last_in_every_metric():
    slower = replace(report(2), seconds_training=15.0)
    pruned = ended(0, TrialState.PRUNED)
    study = shown(pruned, objectives=BOTH, reports={0: [report(1), slower]})
    assert study.trials[0].measured == {"val_accuracy": 0.7, "examples_per_second": 20.0}
    elsewhere = ended(0, TrialState.PRUNED, measured={"examples_per_second": 5.0})
    assert shown(elsewhere, objectives=BOTH).trials[0].measured == {"examples_per_second": 5.0}
