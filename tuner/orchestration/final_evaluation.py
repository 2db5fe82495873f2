"""Evaluation on `data.test`: the model of the confirmed best or the soup, once, at the end."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tuner.confirmation import (
    TESTED,
    EvaluatedModel,
    FinalEvaluation,
    Score,
    evaluated_scores,
    second_evaluation_refusal,
)
from tuner.data.examples import Examples
from tuner.data.held_out import HeldOut, read_held_out
from tuner.data.texts import Texts
from tuner.errors import InputError, TunerError
from tuner.files.exclusive import exclusive
from tuner.files.model_folder import read_whole
from tuner.metrics import MetricRecord, load
from tuner.orchestration.confirmed_best import ConfirmedBest
from tuner.orchestration.start import Start
from tuner.processes.invocation import invoked
from tuner.study import Study
from tuner.trial.folder import StudyFolder
from tuner.trial.kept_model import kept_model
from tuner.trial.model_identity import KeptModel
from tuner.trial.serialization import from_plain, to_plain
from tuner.worker.predict_client import Prediction, predict

WAIT_SECONDS = 3600.0
"""Seconds that agents of this machine wait while one of them evaluates."""


def early_refusal(start: Start, study: Study) -> str:
    """Return why the test rows will not be scored, as far as that is known before the search.

    Args:
        start: Start of the sweep.
        study: Study of the search.

    Returns:
        Reason; empty if nothing prevents it.
    """
    earlier = _stored_evaluation(study, None)
    if start.composed.agent.sweep.confirm.top is None or earlier is None:
        return ""
    held_out = read_held_out(start.base.data, start.base.task)
    if held_out is None:
        return ""
    return second_evaluation_refusal(earlier, replace(earlier.subject, rows=held_out.fingerprint))


def evaluate(start: Start, study: Study, best: ConfirmedBest) -> FinalEvaluation | None:
    """Score the confirmed best's model on the test rows, unless they were scored before.

    Errors are shown and do not fail the sweep: the search and its confirmation are done. An
    evaluation that was started and did not end is repeated for the same model only. Agents on
    several machines that evaluate at the same time evaluate the same model.

    Args:
        start: Start of the sweep.
        study: Study of the search.
        best: Confirmed best, whose files are in their places.

    Returns:
        Evaluation of this or an earlier start; None if there is none.
    """
    try:
        settings = start.compose(best.winner.parameters)
        held_out = read_held_out(settings.data, settings.task)
        if held_out is not None:
            with exclusive(f"{start.folder.path.absolute()} tested", WAIT_SECONDS):
                _evaluate(start, study, best, held_out)
    except TunerError as error:
        start.terminal.warn(f"data.test is not scored: {error}\nrepeat the command to try again")
    return _stored_evaluation(study, None)


def _evaluate(start: Start, study: Study, best: ConfirmedBest, held_out: HeldOut) -> None:
    """Evaluate unless that was done before, and store the result with the study."""
    model = best.model
    subject = EvaluatedModel(
        trial=model.trial, seed=model.seed, members=model.members, rows=held_out.fingerprint
    )
    claim = FinalEvaluation(
        subject=subject,
        examples=len(held_out.examples),
        in_training=held_out.in_training,
        in_validation=held_out.in_validation,
    )
    stored = _stored_evaluation(study, claim if best.is_here else None)
    if stored is not None and (problem := second_evaluation_refusal(stored, subject)):
        start.terminal.warn(problem)
    elif stored is not None and stored.scores:
        return
    elif not best.is_here:
        start.terminal.warn(_missing_text(subject, start.folder))
    else:
        start.terminal.notice(
            f"{model.full_text} is scored on the {claim.examples} test rows, once"
        )
        start.launcher.kill()  # Idle workers may hold GPU memory that it needs.
        scores = _scores(start.folder, model, held_out.examples, start.composed.metrics)
        study.set_attr(TESTED, to_plain(replace(claim, scores=scores)))


def _stored_evaluation(study: Study, claim: FinalEvaluation | None) -> FinalEvaluation | None:
    """Return the evaluation that is stored with the study, or the claim if there is none."""
    found = study.set_attr_once(TESTED, to_plain(claim) if claim else None)
    return from_plain(FinalEvaluation, found) if found else None


def _missing_text(subject: EvaluatedModel, folder: StudyFolder) -> str:
    """Return the message about a model that is not here."""
    call, model = invoked(()), subject.model
    problem = f"data.test is not scored: {model.full_text} is not in {folder.best_model}"
    if model.members:
        return f"{problem}. Repeat the command on the machine that has the weights of these trials"
    train = call.command("train", shlex.quote(str(folder.best)), f"training.seed={model.seed}")
    return (
        f"{problem}. Repeat the command on the machine that trained it; if it is lost: {train}, "
        f"and {call.command('predict')} with the resulting model"
    )


def _scores(
    folder: StudyFolder, model: KeptModel, examples: Examples, metrics: Sequence[MetricRecord]
) -> dict[str, Score]:
    """Return the scores of the model in best_model/, and users' metrics.

    Raises:
        InputError: The model has other labels than the rows, or was replaced meanwhile; or a
            metric fails.
        TunerError: The process that loads it died.
    """
    texts = Texts(texts=examples.texts, pairs=examples.pairs, targets=examples.targets)

    def answer(place: Path) -> tuple[KeptModel | None, Prediction]:
        return kept_model(folder), predict(place, texts)

    read, prediction = read_whole(folder.best_model, answer)
    if read != model:
        raise InputError(
            "another agent has replaced the confirmed best's model",
            where=str(folder.best_model),
            remedy="repeat the command when no other agent runs",
        )
    found = prediction.evaluate(
        examples.targets, examples.where, {record: load(record) for record in metrics}
    )
    # The exported model of a regression knows nothing of the scale that training had.
    return evaluated_scores(found, with_loss=not prediction.task.single_output)
