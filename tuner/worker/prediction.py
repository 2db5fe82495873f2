"""Run as a process: `python -m tuner.worker.prediction FOLDER` predicts the texts that it reads.

Standard input holds one JSON object with `texts` and `pairs` (or null). Its answers are the
names of the outputs as one JSON array, then an object of each example, see `Predictor.answers`;
on wrong input see `tuner.worker.request`.
"""

import json
import sys
from pathlib import Path

from tuner.errors import InputError
from tuner.processes.crash_report import guarded
from tuner.processes.python_process import answer, claim_stdout
from tuner.training.predictor import Predictor
from tuner.worker.request import refuse

CHUNK = 4096
"""Rows that are tokenised and predicted at a time."""


def main() -> int:
    """Answer one request; return the exit code."""
    with claim_stdout() as output:
        request = json.load(sys.stdin)
        texts, pairs = request["texts"], request["pairs"]
        try:
            predictor = Predictor(Path(sys.argv[1]))
            output.write(answer(json.dumps(predictor.labels).encode()))
            for start in range(0, len(texts), CHUNK):
                chunk = slice(start, start + CHUNK)
                for found in predictor.answers(texts[chunk], pairs and pairs[chunk]):
                    output.write(answer(json.dumps(found).encode()))
                output.flush()
        except InputError as error:
            return refuse(output, error)
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
