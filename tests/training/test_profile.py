"""`training.profile`: a trace of a few updates that changes none of them."""

from collections import Counter

import pytest

from tests.training.test_fine_tune import Recorder

pytestmark = pytest.mark.tf


def run(settings, folder):
    from tuner.training.fine_tune import FineTuner

    told = Recorder()
    assert FineTuner().run(settings, told, profile=folder) == ""
    return [(report.train_loss, report.val_loss) for report in told.reports]


def operations(trace):
    """Number of times that each operation is in a trace."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace()
    space.ParseFromString(trace.read_bytes())
    (host,) = [plane for plane in space.planes if plane.name == "/host:CPU"]
    names = [host.event_metadata[event.metadata_id].name for line in host.lines
             for event in line.events]  # fmt: skip
    return Counter(name.rpartition(":")[2] for name in names)


def test_a_profile_holds_five_updates_and_changes_none(make_settings, tmp_path):
    from tuner.training.profile import TRACED

    plain = run(make_settings(), tmp_path / "none")
    assert not (tmp_path / "none").exists()
    assert run(make_settings(profile=True), tmp_path / "profile") == plain
    (trace,) = (tmp_path / "profile").glob("plugins/profile/*/*.xplane.pb")
    weights = 6 + 2 * 16 + 2 + 2  # Embeddings, those that do not occur, layers, pooler, head.
    assert operations(trace)["ResourceApplyAdam"] == TRACED * weights


def test_a_trial_that_ends_within_its_trace_leaves_a_trace(make_settings, tmp_path):
    from tuner.training.profile import SKIPPED

    few = make_settings(profile=True, batch_size=40, evaluations=1)
    assert SKIPPED + 1 == 160 / 40
    run(few, tmp_path / "first")
    run(few, tmp_path / "second")
    assert len(list(tmp_path.glob("*/plugins/profile/*/*.xplane.pb"))) == 2


def test_a_folder_that_can_not_be_written_costs_no_trial(make_settings, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    assert run(make_settings(profile=True), tmp_path / "file")
    assert "no profile: " in caplog.text
