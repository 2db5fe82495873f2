"""Section `export`: trials that are written, and their form."""

from dataclasses import dataclass, field

INT8 = "int8"
"""Value of `export.quantize`."""

FORMATS = ("hydra", "cli", "json", "training_arguments")
"""Values of `export.format`."""


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """Section `export`: the trials that are written, and their format."""

    format: str = "hydra"
    """`hydra` (a file for `tuner train`), `cli` (a `tuner train` command), `json` or
    `training_arguments`."""

    output: str | None = None
    """File to write; null: standard output."""

    model: str | None = None
    """Folder to write the model to; null: none."""

    soup: bool = True
    """Write the soup where one is published; false: the best single model."""

    onnx: str | None = None
    """Folder to write the best trial's model to as ONNX, with its tokenizer; null: none."""

    quantize: str | None = None
    """`int8`: `export.onnx` also writes the model with weights in int8, with its size, speed and
    scores on the validation rows; null: it does not."""

    quantize_loss: float | None = None
    """Loss of the task's first score up to which int8 is accepted; null: its standard error."""

    calibrate: bool = False
    """Divide the outputs of the exported model by a temperature that is fitted on the validation
    rows; not for regression and question answering."""

    trial: int | None = None
    """Number of the trial; null: the best."""

    top: int = 1
    """Number of trials, the best first."""

    convergence: str | None = None
    """Only trials with this convergence status; null: any."""

    pick: str = "knee"
    """Choice from the Pareto front of several objectives: `knee` (best compromise, each objective
    scaled to its range on the front), `first` (best by the first objective) or `weights`."""

    weights: dict[str, float] = field(default_factory=dict)
    """Maps an objective to its weight, for `export.pick=weights`."""
