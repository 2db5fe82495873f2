"""What the agent asks the publishing process for, as plain data."""

from dataclasses import dataclass
from pathlib import Path

from tuner.trial.study_identity import StudyIdentity

PLOTS = "plots"
"""The folder of the plots, below the study's own and in MLflow."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One publication.

    Attributes:
        study: Identity of the study; its name is that of its experiment in MLflow.
        objectives: Metric names.
        storage: Address of the study's storage: a SQLAlchemy URL, or journal:///FILE.
        tracking: MLflow's tracking URI.
        folder: The study's files.
        draw: Draw the plots and send them.
        log_model: Log best_model/ too.
        register: Name under which the logged model is registered; None: under none.
    """

    study: StudyIdentity
    objectives: tuple[str, ...]
    storage: str
    tracking: str
    folder: str
    draw: bool = True
    log_model: bool = True
    register: str | None = None

    @property
    def plots(self) -> Path:
        """Where the plots are written."""
        return Path(self.folder) / PLOTS
