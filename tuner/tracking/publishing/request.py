"""What the agent asks the publishing process for, as plain data."""

from dataclasses import dataclass
from pathlib import Path

from tuner.trial.study_identity import StudyIdentity

PLOTS = "plots"
"""The folder of the plots, below the study's own and in MLflow."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One publication."""

    study: StudyIdentity
    """Identity of the study; its name is that of its experiment in MLflow."""
    objectives: tuple[str, ...]
    """Metric names."""
    storage: str
    """Address of the study's storage: a SQLAlchemy URL, or journal:///FILE."""
    tracking: str
    """MLflow's tracking URI."""
    folder: str
    """The study's files."""
    draw: bool = True
    """Draw the plots and send them."""
    log_model: bool = True
    """Log best_model/ too."""
    register: str | None = None
    """Name under which the logged model is registered; None: under none."""

    @property
    def plots(self) -> Path:
        """Where the plots are written."""
        return Path(self.folder) / PLOTS
