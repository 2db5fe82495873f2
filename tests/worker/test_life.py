import os
from collections import deque

import pytest

from tests.worker.fake import FakeFineTuner
from tests.worker.trials import spec
from tuner.errors import InputError
from tuner.files.model_folder import defect
from tuner.trial.names import BEGIN, LOG_NAME, MEMBER_NAME, MODEL_NAME, STATE_NAME, last_attempt
from tuner.trial.records import Decision
from tuner.worker.life import ChannelMonitor, Worker, as_data
from tuner.worker.protocol import (
    Answer,
    Failed,
    Finished,
    Prepare,
    Progress,
    Ready,
    Refused,
    Reported,
    Run,
    Started,
)

READY = Ready(device="fake", versions={})
CONTINUE, SAVE_MODEL, SAVE_MEMBER, SAVE_BOTH, STOP, SUSPEND = map(
    Answer,
    (
        Decision.CONTINUE,
        Decision.SAVE_MODEL,
        Decision.SAVE_MEMBER,
        Decision.SAVE_BOTH,
        Decision.STOP,
        Decision.SUSPEND,
    ),
)


class ScriptEndError(Exception):
    """The agent has nothing more to say."""


class Script:
    """A channel whose incoming messages are written down beforehand."""

    def __init__(self, *incoming):
        self.incoming = deque(incoming)
        self.sent = []

    def receive(self):
        if not self.incoming:
            raise ScriptEndError
        return self.incoming.popleft()

    def receive_nowait(self):
        # What comes unasked is marked by standing in a list of its own.
        if self.incoming and isinstance(self.incoming[0], list):
            return self.incoming.popleft()[0]
        return None

    def send(self, message):
        self.sent.append(message)


def serve(*incoming, fine_tuner=None):
    channel = Script(*incoming)
    with pytest.raises(ScriptEndError):
        Worker(channel, lambda: (fine_tuner or FakeFineTuner(), READY)).serve()
    return channel.sent


def kinds(messages):
    return [type(message).__name__ for message in messages]


def test_a_trial_with_a_plug_in_that_is_not_here_fails_by_its_package():
    missing = InputError("no plug-in of their-optimizers", remedy="install it")
    sent = serve(Refused(number=None, error=missing), Refused(number=7, error=missing))
    assert kinds(sent) == ["Ready", "Failed"]
    assert (sent[1].number, sent[1].error.kind) == (7, "input")
    assert "their-optimizers" in sent[1].error.message


def test_a_trial_from_ready_to_finished(tmp_path):
    trial = spec(7, tmp_path / "00007")
    sent = serve(Prepare(spec=trial), Run(spec=trial), *[CONTINUE] * 4)
    assert kinds(sent) == ["Ready", "Started", *["Reported"] * 4, "Finished"]
    assert [m.report.point for m in sent if isinstance(m, Reported)] == [1, 2, 3, 4]
    assert sent[-1] == Finished(number=7, diverged="")


def test_stop_as_an_answer_ends_the_trial_and_the_next_one_runs(tmp_path):
    sent = serve(
        Run(spec=spec(0, tmp_path)), CONTINUE, STOP,
        Run(spec=spec(1, tmp_path, points=1)), CONTINUE,
    )  # fmt: skip
    assert kinds(sent) == [
        "Ready", "Started", "Reported", "Reported", "Finished", "Started", "Reported", "Finished",
    ]  # fmt: skip
    assert sent[-1].number == 1


def test_stop_unasked_ends_the_trial_at_its_next_update(tmp_path):
    sent = serve(Run(spec=spec(0, tmp_path)), [STOP])
    assert kinds(sent) == ["Ready", "Started", "Finished"]


def test_stop_that_crosses_a_report_is_not_meant_for_the_next_trial(tmp_path):
    sent = serve(
        Run(spec=spec(0, tmp_path, points=1)), STOP, CONTINUE, STOP,
        Run(spec=spec(1, tmp_path, points=1)), CONTINUE,
    )  # fmt: skip
    assert [m for m in sent if isinstance(m, Finished)] == [
        Finished(number=0, diverged=""),
        Finished(number=1, diverged=""),
    ]


def test_divergence_is_told(tmp_path):
    sent = serve(Run(spec=spec(0, tmp_path, rate=1.0)), *[CONTINUE] * 4)
    assert kinds(sent) == ["Ready", "Started", "Reported", "Finished"]
    assert sent[-1].diverged


@pytest.mark.parametrize(
    ("checkpoint", "kind", "message"),
    [
        ("fail", "error", "this checkpoint always fails"),
        ("memory", "out_of_memory", "no memory left for a batch of 16"),
        ("missing", "input", "there is no checkpoint 'missing'; where: model.checkpoint"),
    ],
)
def test_a_failure_is_data_and_the_worker_lives_on(tmp_path, checkpoint, kind, message):
    failing = spec(0, tmp_path, checkpoint=checkpoint)
    after = [Run(spec=spec(1, tmp_path, points=1)), CONTINUE]
    sent = serve(Prepare(spec=failing), Run(spec=failing), *after)
    failed = next(m for m in sent if isinstance(m, Failed))
    assert failed.error.kind == kind
    assert failed.error.message == message
    assert "Traceback" in failed.error.traceback
    assert len(failed.error.traceback) <= 4000
    assert isinstance(sent[-1], Finished)


def test_what_is_printed_goes_to_the_trials_log(tmp_path, capfd):
    class Printing(FakeFineTuner):
        def run(self, settings, listener, *paths):
            os.write(1, b"in the trial\n")
            return super().run(settings, listener, *paths)

    print("before")
    serve(Run(spec=spec(0, tmp_path / "a", points=1)), CONTINUE, fine_tuner=Printing())
    print("after")
    assert (tmp_path / "a" / LOG_NAME).read_text() == "in the trial\n"
    assert capfd.readouterr().out == "before\nafter\n"


def test_an_attempt_is_judged_by_its_own_part_of_the_log(tmp_path):
    assert not last_attempt(tmp_path)
    (tmp_path / LOG_NAME).write_text("no memory")
    assert last_attempt(tmp_path) == "no memory"
    (tmp_path / LOG_NAME).write_text(f"{BEGIN}: 1\nno memory\n10:00 {BEGIN}: 2\nloaded")
    assert last_attempt(tmp_path) == f"{BEGIN}: 2\nloaded"


def test_progress_is_passed_on_once_a_second():
    now = [0.0]
    channel = Script()
    listener = ChannelMonitor(5, channel, lambda: now[0])
    for step in range(31):
        now[0] = step / 10
        listener.progress(step / 30, 100.0)
    assert channel.sent == [
        Progress(number=5, share=second * 10 / 30, examples_per_second=100.0)
        for second in (1, 2, 3)
    ]
    assert not any(isinstance(message, Started) for message in channel.sent)


def test_an_attempt_goes_on_after_the_point_where_the_last_was_interrupted(tmp_path):
    state = tmp_path / STATE_NAME
    sent = serve(Run(spec=spec(0, tmp_path)), CONTINUE, SUSPEND)
    assert kinds(sent) == ["Ready", "Started", "Reported", "Reported", "Finished"]
    assert state.exists()
    sent = serve(Run(spec=spec(0, tmp_path)), *[CONTINUE] * 2)
    assert sent[1].resumed_at == 2
    assert [m.report.point for m in sent if isinstance(m, Reported)] == [3, 4]
    assert not state.exists()


def test_the_model_of_the_best_so_far_is_left_in_its_folder(tmp_path):
    sent = serve(Run(spec=spec(0, tmp_path, points=2)), CONTINUE, SAVE_MODEL)
    assert isinstance(sent[-1], Finished)
    assert (tmp_path / MODEL_NAME / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        (CONTINUE, set()),
        (SAVE_MODEL, {MODEL_NAME}),
        (SAVE_MEMBER, {MEMBER_NAME}),
        (SAVE_BOTH, {MODEL_NAME, MEMBER_NAME}),
    ],
)
def test_a_trial_leaves_what_the_agent_wants_of_it(tmp_path, answer, left):
    serve(Run(spec=spec(0, tmp_path, points=1)), answer)
    assert {MODEL_NAME, MEMBER_NAME} & {path.name for path in tmp_path.iterdir()} == left


def test_a_member_that_cannot_be_written_costs_neither_score_nor_model(tmp_path):
    (tmp_path / MEMBER_NAME).mkdir()
    sent = serve(Run(spec=spec(0, tmp_path, points=1)), SAVE_BOTH)
    assert isinstance(sent[-1], Finished)
    assert sent[-1].model_error is None
    assert "IsADirectoryError" in sent[-1].member_error
    assert (tmp_path / MODEL_NAME / "model.safetensors").exists()


def test_a_model_that_can_not_be_written_costs_no_score(tmp_path, capsys):
    sent = serve(Run(spec=spec(0, tmp_path, points=1, checkpoint="unsaved")), SAVE_MODEL)
    assert isinstance(sent[-1], Finished)
    assert "SafetensorError" in sent[-1].model_error
    assert "No space left" in sent[-1].model_error
    assert "SafetensorError" in capsys.readouterr().err
    assert not list(tmp_path.glob("*model*"))
    assert not list(tmp_path.glob(".*model*"))


def test_a_model_that_is_saved_replaces_what_a_killed_worker_left(tmp_path):
    (tmp_path / f".{MODEL_NAME}.partial").mkdir()
    (tmp_path / MODEL_NAME).mkdir()
    sent = serve(Run(spec=spec(0, tmp_path, points=1)), SAVE_MODEL)
    assert sent[-1] == Finished(number=0, diverged="")
    assert defect(tmp_path / MODEL_NAME, contents=True) is None
    assert not list(tmp_path.glob(".*model*"))


def test_a_trial_that_is_stopped_for_good_leaves_no_state(tmp_path):
    serve(Run(spec=spec(0, tmp_path, save_state="always")), CONTINUE, CONTINUE, STOP)
    assert not (tmp_path / STATE_NAME).exists()


def terminated(*incoming, when):
    """Messages of a worker that gets SIGTERM when its trial sends a message of that kind."""
    channel, ends = Script(*incoming), []
    worker = Worker(
        channel, lambda: (FakeFineTuner(), READY), on_terminate=lambda: ends.append(len(sent))
    )
    sent = channel.sent
    send = channel.send

    def send_and_terminate(message):
        send(message)
        if isinstance(message, when):
            worker.terminate()

    channel.send = send_and_terminate
    with pytest.raises(ScriptEndError):
        worker.serve()
    assert ends == [len(sent)]
    return sent


def test_sigterm_saves_a_running_trial_and_ends_the_worker_without_finishing_it(tmp_path):
    trial = spec(0, tmp_path, points=2)
    sent = terminated(Run(spec=trial), CONTINUE, CONTINUE, when=Started)
    assert kinds(sent) == ["Ready", "Started"]
    assert (tmp_path / STATE_NAME).read_text() == "0"


def test_sigterm_while_the_agent_thinks_waits_for_its_answer(tmp_path):
    trial = spec(0, tmp_path, points=2)
    sent = terminated(Run(spec=trial), CONTINUE, when=Reported)
    assert kinds(sent) == ["Ready", "Started", "Reported"]
    assert (tmp_path / STATE_NAME).read_text() == "1"


def test_sigterm_after_the_last_report_does_not_undo_the_trial(tmp_path):
    trial = spec(0, tmp_path, points=1)
    sent = terminated(Run(spec=trial), CONTINUE, when=Reported)
    assert kinds(sent) == ["Ready", "Started", "Reported", "Finished"]
    assert not (tmp_path / STATE_NAME).exists()


def test_sigterm_between_trials_ends_the_worker_at_once(tmp_path):
    assert kinds(terminated(when=Ready)) == ["Ready"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RuntimeError("CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access"), "device"),
        (RuntimeError("Call to CUDNN_STATUS_EXECUTION_FAILED"), "device"),
        (MemoryError(), "out_of_memory"),
        (RuntimeError("shapes differ"), "error"),
        (InputError("no", where="here", remedy="yes"), "input"),
    ],
)
def test_an_error_is_told_by_whose_it_is(error, kind):
    assert as_data(error).kind == kind


def test_what_the_attempt_printed_tells_what_its_error_hides(tmp_path):
    class Tuning(FakeFineTuner):
        def run(self, settings, listener, *paths):
            if settings.training.batch_size > 8:
                os.write(2, b"Allocator (GPU_0_bfc) ran out of memory trying to allocate 2GiB\n")
            raise RuntimeError("Autotuning failed: No valid config found!")

    runs = [Run(spec=spec(0, tmp_path / f"{size}", batch_size=size)) for size in (16, 8)]
    _, hidden, bare = serve(*runs, fine_tuner=Tuning())
    assert (hidden.error.kind, bare.error.kind) == ("out_of_memory", "error")
    assert "ran out of memory trying to allocate 2GiB; Autotuning" in hidden.error.message
