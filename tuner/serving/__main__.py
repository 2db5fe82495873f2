"""Run as a process: `python -m tuner.serving FOLDER FILE` writes a saved model as ONNX.

It prints nothing if it is done; on wrong input see `tuner.worker.request`.
"""

import sys
from pathlib import Path

from tuner.errors import InputError
from tuner.processes.crash_report import guarded
from tuner.processes.python_process import claim_stdout
from tuner.serving.model import write_onnx
from tuner.training.predictor import Predictor
from tuner.worker.request import refuse


def main() -> int:
    """Write the model; return the exit code."""
    folder, file = map(Path, sys.argv[1:])
    with claim_stdout() as output:
        try:
            predictor = Predictor(folder)
            _write(predictor, file)
        except InputError as error:
            return refuse(output, error)
    return 0


def _write(predictor: Predictor, file: Path) -> None:
    try:
        write_onnx(predictor.classifier, predictor.task.head, file)
    except OSError as error:
        raise InputError(
            f"the model cannot be written: {error}",
            where=str(file),
            remedy="export.onnx=DIR, a folder that can be written, with enough free space",
        ) from error


if __name__ == "__main__":
    sys.exit(guarded(main))
