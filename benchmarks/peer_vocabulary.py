"""A round of `vocabulary.py`: some updates of the large vocabulary by the FineTuner."""

import argparse
import resource
from pathlib import Path

import psutil
from peer_ours import Stopwatch
from turns import serve

from tuner.optimizers import AdamW
from tuner.schedules import Linear
from tuner.settings.settings import DataSettings, ModelSettings, TrainingSettings, TrialSettings
from tuner.training import device
from tuner.training.fine_tune import FineTuner

ROWS = 2000
"""Training rows; a round uses some of them."""


def settings_of(folder: Path, rows: int, seed: int) -> TrialSettings:
    """Some updates of 16 texts."""
    return TrialSettings(
        model=ModelSettings(checkpoint=str(folder / "model"), max_length=27, dropout=0.1),
        data=DataSettings(
            format="csv",
            train=str(folder / "train.csv"),
            validation=str(folder / "validation.csv"),
        ),
        optimizer=AdamW(),
        schedule=Linear(),
        training=TrainingSettings(
            batch_size=16, epochs=rows / ROWS, evaluations=1, seed=seed, save_state="never"
        ),
    )


def main() -> None:
    """Serves rounds; the largest memory so far stands in a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("name")
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    given = parser.parse_args()
    device.set_up(given.threads)
    tuner = FineTuner()
    idle = psutil.Process().memory_info().rss

    def run_round(number: int) -> float:
        watch = Stopwatch()
        tuner.run(settings_of(given.folder, given.rows, number), watch)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        (given.folder / f"{given.name}.memory").write_text(str(peak - idle))
        return watch.seconds

    serve(run_round)


if __name__ == "__main__":
    main()
