"""Section `export`: trials that are written, and their form."""

from dataclasses import dataclass, field

FORMATS = ("hydra", "cli", "json", "training_arguments")
"""Values of `export.format`."""


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """Section `export`: which trials are written, and as what."""

    format: str = "hydra"
    """`hydra` (a file of `tuner train`), `cli` (a line of it), `json` or `training_arguments`."""

    output: str | None = None
    """File to write; null: standard output."""

    model: str | None = None
    """Folder to write the best trial's model to; null: none."""

    trial: int | None = None
    """Number of the trial; null: the best."""

    top: int = 1
    """So many of the best."""

    convergence: str | None = None
    """Only trials with this convergence status; null: any."""

    pick: str = "knee"
    """Of several objectives, the best is of those trials that no other one beats in all: `knee`
    (the most for all together, each over its range among them), `first` (the first objective's
    best) or `weights`."""

    weights: dict[str, float] = field(default_factory=dict)
    """Objective to weight, for `export.pick=weights`."""
