"""What papers fine-tuned each family of models with, as points of a search space."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuner.optimizers import AdamW
from tuner.schedules import Linear
from tuner.search.space import SearchSpace
from tuner.trial.records import Scalar

OWN_KEYS = ("model.dropout", "model.max_length")
"""Keys of a model that do not change its pretrained weights."""

SMALL = 768
"""Models narrower than this are not the papers' base models, but their small ones."""

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


BERT = published_rates("Devlin 2019", 0.1, (2e-5, 32), (3e-5, 16))
SMALL_BERT = published_rates("Turc 2019", 0.1, (1e-4, 16), (3e-4, 32))
ROBERTA = published_rates("Liu 2019", 0.06, (2e-5, 16), (1e-5, 32))
ALBERT = published_rates("Lan 2020", 0.1, (1e-5, 16), (3e-5, 32))

FAMILIES = {"roberta": ROBERTA, "xlm-roberta": ROBERTA, "albert": ALBERT}
"""By `model_type` of a checkpoint; all others are BERT's."""


def published(model_type: str, hidden_size: int) -> Published:
    """What was published for a model's family.

    Args:
        model_type: Of its config.json.
        hidden_size: Width of its hidden states.
    """
    if hidden_size < SMALL:
        return SMALL_BERT
    return FAMILIES.get(model_type, BERT)


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
