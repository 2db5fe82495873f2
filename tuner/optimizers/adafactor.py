"""Adafactor."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from tuner.fields.bounds import above
from tuner.optimizers.base import OWN_OBJECTS, UsualRates
from tuner.optimizers.keras_optimizer import KerasOptimizer


@dataclass(frozen=True, kw_only=True)
class Adafactor(KerasOptimizer):
    """Adafactor (Shazeer 2018): second moments kept per row and column."""

    name: ClassVar[str] = "adafactor"
    keras_class: ClassVar[str] = "Adafactor"
    keras_slots: ClassVar[int] = 1  # Keras makes one in the shape of each weight, too.
    usual_rates: ClassVar[UsualRates | None] = UsualRates(
        lowest=1e-4, first=1e-3, highest=2e-3, source="Raffel 2020"
    )
    _trainer_remedy: ClassVar[str] = (
        "`optim=adafactor` takes steps of the learning rate; ours are multiplied with each "
        f"weight's root mean square. {OWN_OBJECTS} with transformers.Adafactor(..., "
        "scale_parameter=True, relative_step=False) comes nearest"
    )

    learning_rate: Annotated[float, above(0)] = 1e-3
    """Peak rate; default of Keras; with `relative_step` a cap on the paper's own rate."""

    beta_2_decay: float = -0.8
    """Exponent, in updates, of the decay of the mean of squares; Keras, Shazeer 2018."""

    epsilon_1: float = 1e-30
    """Added to squared gradients; Keras, Shazeer 2018."""

    epsilon_2: float = 1e-3
    """Smallest scale of a parameter; Keras, Shazeer 2018."""

    clip_threshold: Annotated[float, above(0)] = 1.0
    """Largest root mean square of an update; Keras, Shazeer 2018."""

    relative_step: bool = False
    """True: the paper's own rate; false, unlike in Keras: the rate of `schedule`."""
