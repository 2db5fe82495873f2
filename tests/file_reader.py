"""Reads files as the agent does, in a process whose death, hanging or traceback shows.

`python -m tests.file_reader` takes a JSON object a line, `{"reader": NAME, "folder": PATH}`, and
answers each with a line: `read`, `refused` with the message of our error, or `broken` with the
traceback.
"""

import json
import os
import shutil
import sys
import traceback
from pathlib import Path

from tuner.checkpoints.content import cache_root
from tuner.config import check_space, compose_sweep, compose_training
from tuner.errors import InputError
from tuner.orchestration.inputs import check_inputs
from tuner.settings.settings import DataSettings, ModelSettings, TrialSettings
from tuner.tasks import Classification, QuestionAnswering, TokenClassification


def read_inputs(folder):
    """Files that a trial reads: `model/`, and the data file `train.*`, both in the folder."""
    train = next(folder.glob("train.*"))
    data = DataSettings(format=train.suffix[1:].replace("jsonl", "json"), train=str(train))
    model = ModelSettings(checkpoint=str(folder / "model"), max_length=16)
    task = TokenClassification() if data.format == "conll" else Classification()
    _check(model, data, task)


def read_questions(folder):
    """The same for questions, as SQuAD has them."""
    data = DataSettings(
        format="json",
        train=str(folder / "train.json"),
        text="question",
        text_pair="context",
        label="answers",
    )
    model = ModelSettings(checkpoint=str(folder / "model"), max_length=16)
    _check(model, data, QuestionAnswering())


def _check(model, data, task):
    check_inputs([TrialSettings(model=model, data=data, task=task)])
    shutil.rmtree(cache_root() / "prepared", ignore_errors=True)


def read_sweep(folder):
    """`sweeps/mine.yaml`, and every trial of its space composed."""
    check_space(compose_sweep(["sweep=mine"], folder))


def read_group(folder):
    """`conf/optimizer/mine.yaml` and `conf/training/mine.yaml`."""
    check_space(compose_sweep(["sweep=batch_search", "optimizer=mine", "training=mine"], folder))


def read_best(folder):
    """`best.yaml`."""
    compose_training(folder / "best.yaml", [], folder)


READERS = {
    "inputs": read_inputs,
    "questions": read_questions,
    "sweep": read_sweep,
    "group": read_group,
    "best": read_best,
}


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.fsync = lambda _: None  # A thousand files need not outlive a power cut.
    for line in sys.stdin:
        request = json.loads(line)
        try:
            READERS[request["reader"]](Path(request["folder"]))
            answer = ["read", ""]
        except InputError as error:
            answer = ["refused", str(error)]
        except BaseException:
            answer = ["broken", traceback.format_exc()]
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
