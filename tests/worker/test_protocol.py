import json
import math

import pytest

from tests.worker.fake import report
from tests.worker.trials import spec
from tuner.tasks import Baseline
from tuner.trial.records import Decision, TrialError
from tuner.worker import protocol


@pytest.mark.parametrize(
    "message",
    [
        protocol.Prepare(spec=spec()),
        protocol.Run(spec=spec(parameters={"a": 1, "b": "x", "c": 0.5, "d": None, "e": True})),
        *map(protocol.Answer, Decision),
    ],
)
def test_to_worker_comes_back_the_same(message):
    line = protocol.encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert protocol.decode_to_worker(line) == message


@pytest.mark.parametrize(
    "message",
    [
        protocol.Ready(device="CPU", versions={"tensorflow": "2"}),
        protocol.Started(
            number=3,
            constant_guess=Baseline(score=0.5, loss=0.69),
            labels=("no", "yes"),
        ),
        protocol.Progress(number=3, share=0.5, examples_per_second=10.0),
        protocol.Reported(number=3, report=report(spec().settings, 1)),
        protocol.Finished(number=3, diverged="train_loss is nan at update 7"),
        protocol.Failed(number=3, error=TrialError(kind="error", type="E", message="é\nx")),
    ],
)
def test_from_worker_comes_back_the_same(message):
    assert protocol.decode_from_worker(protocol.encode(message)) == message


def test_infinity_travels():
    message = protocol.Progress(number=0, share=0.0, examples_per_second=math.inf)
    assert protocol.decode_from_worker(protocol.encode(message)) == message


@pytest.mark.parametrize(("message", "number"), [(protocol.Run, 3), (protocol.Prepare, None)])
def test_a_plug_in_that_this_machine_lacks_is_refused_by_its_package(message, number):
    plain = json.loads(protocol.encode(message(spec=spec(number=3))))
    plain["spec"]["settings"]["optimizer"] = {"name": "theirs", "package": "their-optimizers"}
    refused = protocol.decode_to_worker(json.dumps(plain).encode())
    assert isinstance(refused, protocol.Refused)
    assert refused.number == number
    assert "their-optimizers" in refused.error.problem


def test_a_line_that_is_no_message_is_an_error():
    with pytest.raises(BaseExceptionGroup):
        protocol.decode_to_worker(b'{"_type": "Run", "spec": {"number": "x"}}')
