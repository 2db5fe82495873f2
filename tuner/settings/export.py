"""Section `export`: trials that are written, and their form."""

from dataclasses import dataclass, field

FORMATS = ("hydra", "cli", "json", "training_arguments")
"""Values of `export.format`."""


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """Section `export`: which trials are written, and as what.

    Attributes:
        format: `hydra` (a file of `tuner train`), `cli` (a line of it), `json` or
            `training_arguments`.
        output: File to write; null: standard output.
        model: Folder to write the best trial's model to; null: none.
        trial: Number of the trial; null: the best.
        top: So many of the best.
        convergence: Only trials with this convergence status; null: any.
        pick: Of several objectives, the best is of those trials that no other one beats in all:
            `knee` (the most for all together, each over its range among them), `first` (the first
            objective's best) or `weights`.
        weights: Objective to weight, for `export.pick=weights`.
    """

    format: str = "hydra"
    output: str | None = None
    model: str | None = None
    trial: int | None = None
    top: int = 1
    convergence: str | None = None
    pick: str = "knee"
    weights: dict[str, float] = field(default_factory=dict)
