"""Tasks, one file each: targets, head, loss, scores, baseline, predictions.

TensorFlow and NumPy are imported only inside the functions that compute with them.

Example:
    >>> find("classification")().objective
    'val_accuracy'
"""

from tuner.fields.registry import Registry
from tuner.tasks.alignment import Aligned
from tuner.tasks.cells import Column
from tuner.tasks.classification import Classification
from tuner.tasks.kinds import Form, HeadKind
from tuner.tasks.multilabel import Multilabel
from tuner.tasks.multiple_choice import MultipleChoice
from tuner.tasks.question_answering import QuestionAnswering
from tuner.tasks.records import Baseline, Decisions, Evaluation, LossOptions
from tuner.tasks.regression import Regression
from tuner.tasks.score import Direction, Score
from tuner.tasks.task import Loss, TargetSpec, Task
from tuner.tasks.token_classification import TokenClassification

REGISTRY: Registry[Task] = Registry(Task)
"""All tasks by name."""

for _kind in (
    Classification,
    Multilabel,
    Regression,
    TokenClassification,
    QuestionAnswering,
    MultipleChoice,
):
    REGISTRY.register(_kind)

find = REGISTRY.find
from_mapping = REGISTRY.from_mapping

__all__ = [
    "REGISTRY",
    "Aligned",
    "Baseline",
    "Classification",
    "Column",
    "Decisions",
    "Direction",
    "Evaluation",
    "Form",
    "HeadKind",
    "Loss",
    "LossOptions",
    "Multilabel",
    "MultipleChoice",
    "QuestionAnswering",
    "Regression",
    "Score",
    "TargetSpec",
    "Task",
    "TokenClassification",
    "find",
    "from_mapping",
]
