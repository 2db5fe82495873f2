"""Messages between agent and worker: one JSON object per line, nothing pickled.

The agent writes to the worker's standard input: `Prepare` once, then `Run` for each trial, and an
`Answer` after each `Reported`. One that ends the trial may also come at any other moment; the
worker then ends the trial at its next update. The end of the stream means that the agent is gone,
and the worker ends at once.

The worker writes to the file descriptor that was its standard output (everything else that
prints there goes to the log): `Ready` once, then for each trial `Started`, `Progress` and
`Reported` as they come, and last either `Finished` or `Failed`.
"""

import json
from dataclasses import dataclass
from typing import Any

from cattrs.strategies import configure_tagged_union

from tuner.errors import InputError
from tuner.processes.python_process import answer, answers
from tuner.tasks import Baseline
from tuner.trial.records import Decision, Report, TrialError, TrialSpec
from tuner.trial.serialization import converter


@dataclass(frozen=True, kw_only=True)
class Prepare:
    """Import, build and tokenise for this trial, so that the first one starts sooner."""

    spec: TrialSpec


@dataclass(frozen=True, kw_only=True)
class Run:
    """Run this trial from its beginning to its end."""

    spec: TrialSpec


@dataclass(frozen=True)
class Answer:
    """The agent's decision about the running trial; the worker stays."""

    decision: Decision


@dataclass(frozen=True, kw_only=True)
class Ready:
    """The worker has imported its libraries.

    Attributes:
        device: Device that it computes on, for people.
        versions: Library name to version.
    """

    device: str
    versions: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Started:
    """The trial's first update begins.

    Attributes:
        number: The trial's number.
        constant_guess: Baseline of this trial's validation rows.
        labels: Label names, in the order of their numbers.
        resumed_at: Evaluation point after which an earlier attempt is resumed; 0: from the
            beginning.
    """

    number: int
    constant_guess: Baseline
    labels: tuple[str, ...]
    resumed_at: int = 0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Sent about once a second while a trial runs.

    Attributes:
        number: The trial's number.
        share: Share of the budget's examples, 0 to 1.
        examples_per_second: Speed of the last updates.
    """

    number: int
    share: float
    examples_per_second: float


@dataclass(frozen=True, kw_only=True)
class Reported:
    """An evaluation point was reached; the worker now waits for an answer."""

    number: int
    report: Report


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The trial ended without an error: at its last point, stopped, or diverged.

    Attributes:
        number: The trial's number.
        diverged: Why the trial stopped by itself: NaN or Inf, or a blown-up loss; else empty.
        model_error: Why the model that was wanted could not be saved; None where it was.
        member_error: Likewise for what training has changed, see `Decision.SAVE_MEMBER`.
    """

    number: int
    diverged: str
    model_error: str | None = None
    member_error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The trial ended with an error; the worker is ready for the next one."""

    number: int
    error: TrialError


ToWorker = Prepare | Run | Answer
FromWorker = Ready | Started | Progress | Reported | Finished | Failed


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A message about a trial whose settings this machine does not know; it is never sent."""

    number: int | None
    """Number of the trial that was to run; None: it was only to be prepared."""

    error: InputError
    """Missing part, such as the package of a plug-in."""


configure_tagged_union(ToWorker, converter)
configure_tagged_union(FromWorker, converter)


def encode(message: ToWorker | FromWorker) -> bytes:
    """Return one message as a line of JSON; NaN and Infinity as Python writes them.

    A worker's line has the mark of an answer, since other things may print to the same stream.
    """
    union: Any = ToWorker if isinstance(message, ToWorker) else FromWorker
    text = json.dumps(converter.unstructure(message, union)).encode()
    return text + b"\n" if union is ToWorker else answer(text)


def decode_to_worker(line: bytes) -> ToWorker | Refused:
    """Read a line that the agent wrote."""
    union: Any = ToWorker
    plain = json.loads(line)
    try:
        message: ToWorker = converter.structure(plain, union)
    except BaseExceptionGroup as group:
        error = _refusal(group)
        if error is None:
            raise
        runs = plain["_type"] == Run.__name__
        return Refused(number=plain["spec"]["number"] if runs else None, error=error)
    return message


def _refusal(group: BaseExceptionGroup[BaseException]) -> InputError | None:
    """The first error of the user's among those that reading a message gave."""
    for each in group.exceptions:
        found = _refusal(each) if isinstance(each, BaseExceptionGroup) else each
        if isinstance(found, InputError):
            return found
    return None


def decode_from_worker(line: bytes) -> FromWorker:
    """Read a line that a worker wrote.

    Raises:
        ValueError: It has no mark, so it is no message.
    """
    union: Any = FromWorker
    (text,) = answers(line)
    message: FromWorker = converter.structure(json.loads(text), union)
    return message
