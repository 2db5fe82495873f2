"""Run as a process: `python -m tuner.worker.prediction FOLDER` predicts the texts that it reads.

Standard input holds one JSON object with `texts` and `pairs` (or null). Its answers are the
names of the outputs as one JSON array, then an object of each example, see `Predictor.answers`;
on wrong input one JSON object with the problem, and the exit code is 2. See
`tuner.processes.python_process`.
"""

import json
import sys
from pathlib import Path

from tuner.errors import InputError
from tuner.processes.crash_report import guarded
from tuner.processes.python_process import answer, claim_stdout
from tuner.training.predictor import Predictor

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
            failure = {"problem": error.problem, "where": error.where, "remedy": error.remedy}
            output.write(answer(json.dumps(failure).encode()))
            return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
