"""AdamW, the default."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from tuner.fields.bounds import at_least
from tuner.optimizers.adam import PlainAdam


@dataclass(frozen=True, kw_only=True)
class AdamW(PlainAdam):
    """AdamW (Loshchilov 2019): Adam with decoupled weight decay, usual for BERT."""

    name: ClassVar[str] = "adamw"

    weight_decay: Annotated[float, at_least(0)] = 0.01
    """Decoupled weight decay, never on biases and layer norms; Devlin 2019."""
