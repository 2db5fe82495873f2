"""Configurations from papers on fine-tuning encoders, as points of a search space."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuner.optimizers import AdamW
from tuner.schedules import Linear
from tuner.search.space import SearchSpace
from tuner.trial.records import Scalar

OWN_KEYS = ("model.dropout", "model.max_length")
"""Keys of a model that do not change its pretrained weights."""

RATE = "optimizer.learning_rate"
LINEAR: Mapping[str, Scalar] = {"optimizer": AdamW.name, "schedule": Linear.name}


@dataclass(frozen=True, kw_only=True)
class Published:
    """Published configurations of a family, with their source."""

    source: str
    """Paper."""
    points: Sequence[Mapping[str, Scalar]]
    """Searched key to value, in the order of the trials."""


def published_rates(source: str, warmup: float, *tried: tuple[float, int]) -> Published:
    """Return published settings of AdamW with a linear decay.

    Args:
        source: Paper.
        warmup: Share of the updates in which the rate rises.
        *tried: Learning rates with their batch sizes.
    """
    points = [
        {
            **LINEAR,
            "schedule.warmup_fraction": warmup,
            RATE: rate,
            "training.batch_size": batch,
        }
        for rate, batch in tried
    ]
    return Published(source=source, points=points)


def points_of(
    found: Published, space: SearchSpace, optimizer: str, n_trials: int
) -> list[dict[str, Scalar]]:
    """Return the first points of a search.

    Args:
        found: Published configurations.
        space: Search space; it takes the values it contains, and no point without its learning
            rate or optimizer, or if another model is searched.
        optimizer: Optimizer if none is searched.
        n_trials: Total of the search; at most a quarter of it is returned.
    """
    if any(key.partition(".")[0] == "model" for key in space.keys if key not in OWN_KEYS):
        return []
    fixed = {} if "optimizer" in space.keys else {"optimizer": optimizer}
    within = [(point, space.within(point)) for point in found.points]
    taken = [
        here
        for point, here in within
        if RATE in here and (here | fixed).get("optimizer") == point["optimizer"]
    ]
    return taken[: n_trials // 4]
