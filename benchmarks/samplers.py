"""Cost of a sampler's next point, by the number of trials in the study.

    python benchmarks/samplers.py [--trials 100 1000 10000]

Studies in memory over seven dimensions, as `sweep=full_search` has them, filled with
completed trials of ten reports; then new trials are asked for by each of our samplers as conf/
sets it, and the median of twenty is printed in milliseconds.
"""

import argparse
import random
import statistics
import time
from pathlib import Path

import optuna
import yaml
from optuna.distributions import CategoricalDistribution, FloatDistribution

from tuner.study.strategies import build_sampler

SPACE: dict[str, FloatDistribution | CategoricalDistribution] = {
    "rate": FloatDistribution(1e-6, 1e-3, log=True),
    "decay": FloatDistribution(1e-4, 1.0, log=True),
    "warmup": FloatDistribution(0.0, 0.3),
    "dropout": FloatDistribution(0.0, 0.3),
    "optimizer": CategoricalDistribution(["adamw", "sgd", "lion"]),
    "schedule": CategoricalDistribution(["linear", "cosine", "constant"]),
    "batch": CategoricalDistribution([8, 16, 32]),
}
POINTS = 10
ASKED = 20
SAMPLERS = ("random", "qmc", "tpe", "cmaes", "nsgaii")
CONF = Path(__file__).parents[1] / "conf" / "sampler"


def filled(trials: int) -> optuna.Study:
    """A study of so many completed trials."""
    chance = random.Random(0)  # noqa: S311
    study = optuna.create_study(direction="maximize")
    for _ in range(trials):
        values = {name: drawn(each, chance) for name, each in SPACE.items()}
        curve = {point: chance.random() for point in range(1, POINTS + 1)}
        study.add_trial(
            optuna.create_trial(
                params=values, distributions=SPACE, value=curve[POINTS], intermediate_values=curve
            )
        )
    return study


def drawn(
    distribution: FloatDistribution | CategoricalDistribution, chance: random.Random
) -> object:
    """A value from anywhere in a dimension."""
    if isinstance(distribution, CategoricalDistribution):
        return chance.choice(distribution.choices)
    return chance.uniform(distribution.low, distribution.high)


def cost(study: optuna.Study) -> float:
    """Median milliseconds of a new trial's point."""
    taken = []
    for _ in range(ASKED):
        begun = time.perf_counter()
        study.ask(SPACE)
        taken.append(time.perf_counter() - begun)
    return 1000 * statistics.median(taken)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 1000, 10_000])
    given = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print("| sampler | " + " | ".join(f"{count} trials" for count in given.trials) + " |")
    print("|---" * (1 + len(given.trials)) + "|")
    studies = [filled(count) for count in given.trials]
    for name in SAMPLERS:
        fields = yaml.safe_load((CONF / f"{name}.yaml").read_text())
        cells = []
        for study in studies:
            study.sampler = build_sampler(fields, opened=0)
            cells.append(f"{cost(study):.1f} ms")
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
