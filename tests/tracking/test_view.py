"""The page's view: how it looks in a browser is seen by docs/screenshots/take.py."""

import base64
import json
import zlib
from itertools import combinations

import pytest
from mlflow import MlflowClient

from tests.goals import goals
from tests.tracking.runs import found, run_trial
from tuner.settings.settings import TrackingSettings
from tuner.tracking import Tracker, View
from tuner.tracking.view import COLOUR_TAG, DESCRIPTION_TAG, colour
from tuner.trial.folder import StudyFolder

KEYS = ["optimizer.learning_rate", "schedule"]


def shown(view):
    return json.loads(zlib.decompress(base64.b64decode(view.tag().removeprefix("deflate;"))))


@pytest.fixture
def state():
    return shown(View(goals=goals(("val_accuracy",)), keys=KEYS))


def test_score_convergence_state_and_searched_keys_are_columns_wide_enough_to_read(state):
    columns = [
        "metrics.`objective`",
        "metrics.`val_accuracy`",
        "tags.`convergence`",
        "tags.`trial_state`",
        "params.`optimizer.learning_rate`",
        "params.`schedule`",
    ]
    assert (
        state["selectedColumns"] == state["columnOrder"] == list(state["columnWidths"]) == columns
    )
    widths = state["columnWidths"]
    assert widths["params.`optimizer.learning_rate`"] > widths["params.`schedule`"]


def test_front_and_constraints_are_columns_where_there_are_any(state):
    given = goals(["val_accuracy", "examples_per_second"], {"peak_memory_bytes": "<= 2e9"})
    columns = shown(View(goals=given, keys=KEYS))["selectedColumns"]
    assert columns[1:4] == [f"metrics.`{name}`" for name in given.watched]
    assert {"tags.`front`", "tags.`constraints`"} <= set(columns)
    assert not {"tags.`front`", "tags.`constraints`"} & set(state["selectedColumns"])


def test_the_runs_of_the_front_can_be_filtered_also_when_it_moves(tmp_path, mlflow_uri):
    def sweep(numbers, leading):
        folder = StudyFolder(tmp_path, "s")
        tracker = Tracker(TrackingSettings(uri=mlflow_uri), "s", folder)
        tracker.open()
        for number in numbers:
            run_trial(tracker, folder, number)
        tracker.mark_front(leading)
        assert tracker.close() == ""
        client = MlflowClient(mlflow_uri)
        experiment = client.get_experiment_by_name("s").experiment_id
        runs = client.search_runs([experiment], "tags.front = 'yes'")
        return {int(run.data.tags["trial_number"]) for run in runs}

    assert sweep(range(3), [0, 2]) == {0, 2}
    assert sweep(range(3, 5), [2, 4]) == {2, 4}


def test_the_best_stands_first_whichever_way_is_better(state):
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`objective`", False)
    assert shown(View(goals=goals(("val_loss",)), keys=KEYS))["orderByAsc"]


def test_parallel_coordinates_take_what_pruned_trials_have_too(state):
    (parallel,) = [chart for chart in state["compareRunCharts"] if chart["type"] == "PARALLEL"]
    assert parallel["selectedParams"] == KEYS
    assert parallel["selectedMetrics"] == ["val_accuracy"]
    assert parallel["showAllRuns"]


def test_each_curve_is_charted_once_and_a_diverged_trial_flattens_no_other(state):
    scales = {
        c["metricKey"]: c["scaleType"] for c in state["compareRunCharts"] if "metricKey" in c
    }
    assert scales["val_accuracy"] == "linear"
    assert scales["val_loss"] == scales["train_loss"] == "log"
    charts = shown(View(goals=goals(("val_loss",)), keys=KEYS))["compareRunCharts"]
    assert [chart["displayName"] for chart in charts].count("val_loss") == 1


def apart(one, other):
    parts = [[int(each[at : at + 2], 16) for at in (1, 3, 5)] for each in (one, other)]
    return max(abs(first - second) for first, second in zip(*parts, strict=True))


def test_no_two_trials_near_each_other_look_alike():
    colours = [colour(number) for number in range(60)]
    assert min(apart(*pair) for pair in combinations(colours[:20], 2)) > 30
    assert len(set(colours)) == 60


def test_a_trials_run_has_its_colour(tmp_path, mlflow_uri):
    folder = StudyFolder(tmp_path, "s")
    tracker = Tracker(TrackingSettings(uri=mlflow_uri), "s", folder)
    tracker.open()
    run_trial(tracker, folder, 7)
    assert tracker.close() == ""
    (run,) = found(mlflow_uri)
    assert run.data.tags[COLOUR_TAG] == colour(7)


def test_every_chart_stands_in_the_one_section(state):
    (section,) = state["compareRunSections"]
    assert {chart["metricSectionId"] for chart in state["compareRunCharts"]} == {section["uuid"]}


def test_the_experiments_description_leads_to_the_view_and_stays_what_people_made_it(
    tmp_path, mlflow_uri
):
    def open_and_show():
        tracker = Tracker(TrackingSettings(uri=mlflow_uri), "s", StudyFolder(tmp_path, "s"))
        tracker.open()
        tracker.show(View(goals=goals(("val_accuracy",)), keys=KEYS))
        assert tracker.close() == ""
        return MlflowClient(mlflow_uri).get_experiment_by_name("s")

    experiment = open_and_show()
    described = experiment.tags[DESCRIPTION_TAG]
    page = f"(#/experiments/{experiment.experiment_id}/runs?viewStateShareKey=tuner&"
    assert described.count(page) == 2
    MlflowClient(mlflow_uri).set_experiment_tag(experiment.experiment_id, DESCRIPTION_TAG, "mine")
    assert open_and_show().tags[DESCRIPTION_TAG] == "mine"
