"""A trial as a study hands it out."""

from dataclasses import dataclass

from tuner.trial.records import Scalar


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A trial to run.

    Attributes:
        number: Its number.
        parameters: For each searched key that is active, the value.
        attempt: Which try at it this is, counted from 1, those of other agents included.
        crashes: How many of them ended with a worker or an agent that died.
    """

    number: int
    parameters: dict[str, Scalar]
    attempt: int = 1
    crashes: int = 0
