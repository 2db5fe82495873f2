"""Request of the agent to the publishing process, as plain data."""

from dataclasses import dataclass
from pathlib import Path

from tuner.trial.study_identity import StudyIdentity

PLOTS = "plots"
"""Name of the plots' folder, in the study's folder and in MLflow."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One publication."""

    study: StudyIdentity
    """Identity of the study; its name is that of its experiment in MLflow."""
    objectives: tuple[str, ...]
    """Metric names of the objectives."""
    storage: str
    """Address of the study's storage: a SQLAlchemy URL, or journal:///FILE."""
    tracking: str
    """MLflow's tracking URI."""
    folder: str
    """Folder of the study."""
    draw: bool = True
    """True to draw the plots and send them."""
    log_model: bool = True
    """True to log best_model/."""
    register: str | None = None
    """Name under which the logged model is registered; None to register nothing."""

    @property
    def plots(self) -> Path:
        """Folder of the plots."""
        return Path(self.folder) / PLOTS
