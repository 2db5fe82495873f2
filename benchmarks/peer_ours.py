"""A round of `throughput.py`: one epoch by the FineTuner, without its evaluation.

The rows of a round have fewer tokens than a usual data set. So that the table of token embeddings
is not too small, it is that of all rows of the default trial.
"""

import argparse
import time
from dataclasses import replace

from default_trial import default_trial, one_epoch
from turns import serve

from tuner.data import PreparedData, prepare
from tuner.settings.settings import DataSettings, ModelSettings
from tuner.tasks import Baseline, Task
from tuner.training import device
from tuner.training.fine_tune import FineTuner
from tuner.trial.records import Decision, Report


class Stopwatch:
    """Times a trial from its first update to its last, whatever happens between."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._started = 0.0

    def started(
        self,
        constant_guess: Baseline,  # noqa: ARG002
        labels: tuple[str, ...],  # noqa: ARG002
        resumed_at: int,  # noqa: ARG002
    ) -> None:
        """The first update begins."""
        self._started = time.perf_counter()

    def progress(self, share: float, examples_per_second: float) -> None:  # noqa: ARG002
        """An update is done."""
        self.seconds = time.perf_counter() - self._started

    def reported(self, report: Report) -> Decision:  # noqa: ARG002
        """An evaluation, after the last update."""
        return Decision.CONTINUE

    def stop_requested(self) -> bool:
        """Never."""
        return False


def with_usual_vocabulary(data: DataSettings, model: ModelSettings, task: Task) -> PreparedData:
    """The rows of a round with the token ids of the default trial's."""
    usual = prepare(default_trial().data, model, task)
    return replace(prepare(data, model, task), vocabulary=usual.vocabulary)


def main() -> None:
    """Serves rounds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    given = parser.parse_args()
    device.set_up(given.threads)
    tuner = FineTuner(with_usual_vocabulary)
    settings = one_epoch(given.rows)

    def run_round(number: int) -> float:
        watch = Stopwatch()
        training = replace(settings.training, seed=number)
        tuner.run(replace(settings, training=training), watch)
        return watch.seconds

    serve(run_round)


if __name__ == "__main__":
    main()
