"""Interface of a task: all that depends on what is to be predicted.

Data, search, pruning, convergence, confirmation, memory, tracking and export work for every task
through these members and know none of them by name. TensorFlow and NumPy are imported only inside
the functions that compute with them, so that configuration reads tasks without them.
"""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

from tuner.fields.component import Component
from tuner.fields.findings import Finding
from tuner.tasks.alignment import Aligned
from tuner.tasks.cells import Column
from tuner.tasks.kinds import Form, HeadKind
from tuner.tasks.records import Baseline, Decisions, Evaluation, LossOptions, TargetSummary
from tuner.tasks.score import Score

SEPARATOR = "|"
"""Text between several labels of a row, in a cell."""

Array = Any
"""Array of NumPy, which this module does not import."""

Tensor = Any
"""Tensor of TensorFlow, likewise."""


def counts_text(names: Iterable[str]) -> str:
    """Return names with their numbers, the most frequent first."""
    return ", ".join(f"{name} ({count})" for name, count in Counter(names).most_common())


class Loss(Protocol):
    """Training loss of one model, as part of its graph."""

    def reset(self, options: LossOptions) -> None:
        """Start a trial with these options."""

    def total_weight(self, targets: Array) -> float:
        """Sum of the weights of some rows; their number where all weigh 1.

        Args:
            targets: Targets of the inputs of the rows, shape (inputs, ...).
        """

    def sums(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return sums over the rows of one micro-batch.

        Args:
            outputs: Outputs of the head, float32, shape (inputs, outputs), or (inputs, tokens,
                outputs).
            targets: Targets of the inputs, see `TargetSpec`; inputs that only fill up a shape, and
                tokens without a target, have `TargetSpec.filler`.

        Returns:
            The plain loss, by which trials compare, and the loss to minimise before it is divided
            by the update's `total_weight`.
        """


@dataclass(frozen=True, kw_only=True)
class TargetSpec:
    """Shape and type of the target of one input, in a graph."""

    shape: tuple[int, ...] = ()
    """Empty for a single number."""

    per_token: bool = False
    """True if each token has a target, a single number."""

    inputs: int = 1
    """Inputs that make up one training row, all with the same target."""

    dtype: str = "int32"
    """`int32` or `float32`."""

    filler: float = -1
    """Target of what only fills up a shape and counts for nothing."""

    def array_shape(self, rows: tuple[Any, ...], tokens: Any) -> tuple[Any, ...]:
        """Return the shape of the targets of inputs that are padded to so many tokens.

        Args:
            rows: Shape of the inputs, as (inputs,).
            tokens: Number of tokens.
        """
        return (*rows, tokens) if self.per_token else (*rows, *self.shape)

    def rows(self, targets: Array) -> int:
        """Return the number of training rows that targets of inputs belong to."""
        return len(targets) // self.inputs

    def count(self, targets: Array) -> int:
        """Return the number of targets that a plain loss is summed over."""
        return int((targets != self.filler).sum()) if self.per_token else self.rows(targets)


@dataclass(frozen=True, kw_only=True)
class Task(Component):
    """Kind of prediction from a text: targets, head, loss, scores, baseline and predictions.

    A subclass is a frozen dataclass with a `name`, fields with defaults, and the abstract members
    below.
    """

    group: ClassVar[str] = "task"

    form: ClassVar[Form] = Form.TEXTS
    """Form of an example's input."""

    head: ClassVar[HeadKind] = HeadKind.SEQUENCE
    """Head of the model."""

    scores: ClassVar[Mapping[str, Score]]
    """Scores by name; in reports `val_NAME`. The first is the default objective."""

    problem_type: ClassVar[str | None] = None
    """`problem_type` in an exported config.json, of a task with the head of a sequence; None for
    other heads, whose class says it."""

    weighs_labels: ClassVar[bool] = False
    """True if label smoothing, class weights and oversampling have a meaning."""

    def target_spec(self, outputs: int) -> TargetSpec:
        """Return shape and type of an input's target; by default a label number."""
        del outputs
        return TargetSpec()

    def window_overlap(self) -> int:
        """Return the tokens that neighbouring windows share, for a form that has windows."""
        return 0

    def place(self, encoded: Array, aligned: Aligned) -> Array:
        """Return the targets that training has, of inputs or tokens; by default those of examples.

        Args:
            encoded: Targets from `encode`.
            aligned: Examples and their tokens, with plain targets.
        """
        del aligned
        return encoded

    def placement_notes(self, placed: Array, truth: Any, what: str) -> Iterator[str]:
        """Yield sentences about targets that training cannot use; by default none.

        Args:
            placed: Targets from `place`.
            truth: Examples, as for `evaluate`.
            what: Kind of the rows, as `training rows`.
        """
        del placed, truth, what
        yield from ()

    def can_learn(self, targets: Sequence[Any]) -> bool:
        """Return True if some training targets have anything to learn; by default always.

        Args:
            targets: Plain targets of the training rows.
        """
        del targets
        return True

    def fit(self, targets: Sequence[Any]) -> Self:
        """Return the task with what it takes from the training targets; by default itself.

        Args:
            targets: Plain targets of the training rows.
        """
        del targets
        return self

    def fold_head(self, kernel: Array, bias: Array) -> tuple[Array, Array]:
        """Return the last layer of an exported model, whose outputs are in the user's unit.

        Args:
            kernel: Float32, shape (outputs, width).
            bias: Float32, shape (outputs,).
        """
        return kernel, bias

    def exported(self, outputs: Array) -> Array:
        """Return what the exported model gives where this one gives `outputs`."""
        return outputs

    def as_exported(self) -> Self:
        """Return the task that reads the outputs of an exported model; by default itself."""
        return self

    output_function: ClassVar[str] = "softmax"
    """`function_to_apply` of transformers' pipeline: `softmax`, `sigmoid` or `none`."""

    predicts: ClassVar[Mapping[str, Any]]
    """Columns of `predictions` with their types: `str`, `int`, `float`, `[type]` for a list,
    `{str: type}` for a mapping of any names, and a mapping of its names to types for an object."""

    trainer_remedy: ClassVar[str | None] = None
    """Needs of a Trainer of transformers beside the usual; None without any."""

    single_output: ClassVar[bool] = False
    """True if a model has one output."""

    several_labels: ClassVar[bool] = False
    """True if a row has a list of labels."""

    def findings(self) -> Iterator[Finding]:
        """Yield fields whose values do not fit one another."""
        yield from ()

    @property
    def objective(self) -> str:
        """Metric that a sweep is run for unless it names another."""
        return f"val_{next(iter(self.scores))}"

    @abstractmethod
    def read(self, column: Column) -> tuple[Any, ...]:
        """Return the target of each row as plain values.

        Raises:
            InputError: A cell is missing or holds no target of this task.
        """

    @abstractmethod
    def names(
        self, targets: Sequence[Any], where: str, *, classes: bool = False
    ) -> tuple[str, ...]:
        """Return the names of the outputs, as the training rows decide them.

        Args:
            targets: Targets of all training rows, from `read`.
            where: File or data set, for messages.
            classes: True if the targets are names of classes or columns, not texts of a file.

        Raises:
            InputError: Nothing can be learned from these targets, or another task was meant.
        """

    @abstractmethod
    def known(self, targets: Sequence[Any], names: Sequence[str], where: str) -> tuple[Any, ...]:
        """Return targets as the names spell them.

        Raises:
            InputError: A target that training does not have.
        """

    @abstractmethod
    def strata(self, targets: Any) -> Any:
        """Return a value for each row; splits keep the shares of equal values.

        Args:
            targets: Plain targets; of an example with one text also those that `encode` gives.
        """

    @abstractmethod
    def encode(self, targets: Sequence[Any], names: Sequence[str]) -> Array:
        """Return targets as numbers, of the type of `target_spec`, one example after another.

        Where an example has one target, the shape is `(examples, *shape)`.
        """

    @abstractmethod
    def describe(
        self, train: Sequence[Any], validation: Sequence[Any], names: Sequence[str]
    ) -> TargetSummary:
        """Return the figures of targets, and what is likely to spoil a fine-tune."""

    @abstractmethod
    def make_loss(self, outputs: int) -> Loss:
        """Return the training loss of a model with so many outputs."""

    @abstractmethod
    def evaluate(
        self, outputs: Array, targets: Array, thresholds: Sequence[float] | None = None
    ) -> Evaluation:
        """Return the worth of predictions.

        Args:
            outputs: Outputs of the head, float64, shape (inputs, outputs), or (tokens, outputs)
                with the tokens of all inputs one after another.
            targets: Targets of the examples, from `encode`; an `Aligned` with plain targets where
                the form is another than texts.
            thresholds: Probabilities above which labels are predicted; None: chosen on these
                rows, where labels have any.
        """

    def for_metrics(
        self, outputs: Array, targets: Array, thresholds: Sequence[float] | None = None
    ) -> tuple[Array, Array]:
        """Return targets and predictions as a metric's function takes them.

        Args:
            outputs: As for `evaluate`.
            targets: As for `evaluate`.
            thresholds: As for `evaluate`.

        Returns:
            Arrays of shape (rows, ...), of which the bootstrap draws rows; by default the targets
            and the outputs as they are.
        """
        del thresholds
        return targets, outputs

    @abstractmethod
    def baseline(self, train: Array, validation: Array, outputs: int) -> Baseline:
        """Return what the best guess that ignores the text reaches.

        Args:
            train: Targets that training has, from `place`.
            validation: Targets of the examples that are guessed, as for `evaluate`.
            outputs: Number of names.
        """

    @abstractmethod
    def predictions(
        self,
        outputs: Array,
        names: Sequence[str],
        thresholds: Sequence[float] | None = None,
        aligned: Aligned | None = None,
    ) -> list[dict[str, Any]]:
        """Return predictions in the user's terms, the same keys for every row.

        Args:
            outputs: Outputs of an exported model, as for `evaluate`.
            names: Names of the outputs.
            thresholds: `Evaluation.thresholds` of the model; None where it has none.
            aligned: Examples and their tokens; None where the form is texts.
        """

    def shown(self, prediction: Mapping[str, Any]) -> str:
        """Return a prediction as people read it in one cell; by default its label."""
        return str(prediction["label"])

    def written(self, prediction: Mapping[str, Any]) -> str | float:
        """Return a prediction as a cell of a CSV file; by default as it is shown."""
        return self.shown(prediction)

    def summary(self, predictions: Sequence[Mapping[str, Any]]) -> str:
        """Return a line about many predictions; by default how often each is met."""
        return counts_text(self.shown(each) for each in predictions)

    def shown_target(self, target: Any) -> str:
        """Return a plain target as people read it in one cell."""
        return SEPARATOR.join(target) if isinstance(target, list | tuple) else str(target)

    def usual_thresholds(self, outputs: int) -> Sequence[float] | None:
        """Return the thresholds of a model that records none; None where labels have none."""
        del outputs
        return None

    def decisions(self, outputs: Array, targets: Array) -> Decisions | None:
        """Return the decisions that a temperature is fitted to; None, by default: it has none.

        The predictions must not depend on the scale of the outputs.

        Args:
            outputs: As for `evaluate`.
            targets: As for `evaluate`.
        """
        del outputs, targets
        return None

    def beyond_baseline(self, score: float, baseline: Baseline, examples: int) -> float:
        """Return by how many standard errors a first score beats the baseline's; 0: not known."""
        del score, baseline, examples
        return 0.0
