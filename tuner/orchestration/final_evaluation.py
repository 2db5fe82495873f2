"""The one look at `data.test`: the model of the confirmed best, once, at the very end."""

import shlex
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
from tuner.data.held_out import HeldOut, read_held_out
from tuner.data.table import Examples
from tuner.data.texts import Texts
from tuner.errors import InputError, TunerError
from tuner.files.exclusive import exclusive
from tuner.files.model_folder import read_whole
from tuner.orchestration.confirmed_best import ConfirmedBest
from tuner.orchestration.start import Start
from tuner.processes.invocation import invoked
from tuner.study import Study
from tuner.trial.folder import StudyFolder
from tuner.trial.kept_model import KeptModel, kept_model
from tuner.trial.serialization import from_plain, to_plain
from tuner.worker.predict_client import Prediction, predict

LONGEST = 3600.0
"""Seconds that agents of this machine wait for the one of them that looks."""


def early_refusal(start: Start, study: Study) -> str:
    """Return why the test rows will not be looked at, as far as that is known before the search.

    Args:
        start: Of the sweep.
        study: The search's.

    Returns:
        Empty where nothing is in the way.
    """
    looked = _settled(study, None)
    if start.composed.agent.sweep.confirm.top is None or looked is None:
        return ""
    held_out = read_held_out(start.base.data, start.base.task)
    if held_out is None:
        return ""
    return second_evaluation_refusal(looked, replace(looked.subject, rows=held_out.fingerprint))


def look(start: Start, study: Study, best: ConfirmedBest) -> FinalEvaluation | None:
    """Scores the confirmed best's model on the test rows, unless they were looked at before.

    What goes wrong is told and ends nothing: the search and its confirmation are done. A look that
    was begun and did not end is begun again, for the same model alone. Where agents on several
    machines come here at once, they look at the same.

    Args:
        start: Of the sweep.
        study: The search's.
        best: Its files are in their places.

    Returns:
        What the rows said, now or before; None where nobody has looked.
    """
    try:
        settings = start.compose(best.winner.parameters)
        held_out = read_held_out(settings.data, settings.task)
        if held_out is not None:
            with exclusive(f"{start.folder.path.absolute()} tested", LONGEST):
                _look(start, study, best, held_out)
    except TunerError as error:
        start.terminal.warn(f"data.test is not scored: {error}\nthe same command tries again")
    return _settled(study, None)


def _look(start: Start, study: Study, best: ConfirmedBest, held_out: HeldOut) -> None:
    """Looks, if nobody has, and keeps what that says with the study."""
    model = best.model
    subject = EvaluatedModel(trial=model.trial, seed=model.seed, rows=held_out.fingerprint)
    claim = FinalEvaluation(
        subject=subject,
        examples=len(held_out.examples),
        in_training=held_out.in_training,
        in_validation=held_out.in_validation,
    )
    settled = _settled(study, claim if best.is_here else None)
    if settled is not None and (problem := second_evaluation_refusal(settled, subject)):
        start.terminal.warn(problem)
    elif settled is not None and settled.scores:
        return
    elif not best.is_here:
        start.terminal.warn(_missing(subject, start.folder))
    else:
        start.terminal.notice(
            f"the model of trial {subject.trial} with seed {subject.seed} is scored on the "
            f"{claim.examples} test rows, once"
        )
        start.launcher.kill()  # What idle workers hold of a GPU's memory it may need.
        scores = _scores(start.folder, model, held_out.examples)
        study.set_attr(TESTED, to_plain(replace(claim, scores=scores)))


def _settled(study: Study, claim: FinalEvaluation | None) -> FinalEvaluation | None:
    """The look that the study knows of; the claim, where it knows of none."""
    found = study.set_attr_once(TESTED, to_plain(claim) if claim else None)
    return from_plain(FinalEvaluation, found) if found else None


def _missing(subject: EvaluatedModel, folder: StudyFolder) -> str:
    """What to do about a model that is not here."""
    call = invoked(())
    file = shlex.quote(str(folder.best))
    train = call.command("train", file, f"training.seed={subject.seed}")
    return (
        f"data.test is not looked at: the model of trial {subject.trial} with seed {subject.seed} "
        f"is not in {folder.best_model}. The same command looks on the machine that trained it; "
        f"if it is lost: {train}, and {call.command('predict')} with the model that this leaves"
    )


def _scores(folder: StudyFolder, model: KeptModel, examples: Examples) -> dict[str, Score]:
    """The scores of the model in best_model/.

    Raises:
        InputError: It has other labels than the rows, or is another model by now.
        TunerError: The process that loads it died.
    """
    texts = Texts(texts=examples.texts, pairs=examples.pairs, targets=examples.targets)

    def answer(place: Path) -> tuple[KeptModel | None, Prediction]:
        return kept_model(folder), predict(place, texts)

    read, prediction = read_whole(folder.best_model, answer)
    if read != model:
        raise InputError(
            "another agent has put another model in the place of the confirmed best's",
            where=str(folder.best_model),
            remedy="the same command, when no other agent runs",
        )
    return evaluated_scores(prediction.evaluate(examples.targets, examples.where))
