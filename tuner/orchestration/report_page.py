"""View of a study for people, and its HTML page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tuner.diagnosis.sweep import FollowUp, SweepReading, overrides_only, read_sweep
from tuner.errors import InputError
from tuner.files.output_file import write_output
from tuner.orchestration.invocations import stored_invocation
from tuner.processes.invocation import Invocation
from tuner.results.html.data import StudyView, view
from tuner.results.html.page import render
from tuner.settings.settings import AgentSettings
from tuner.study.reader import Phase, StudyReader
from tuner.tracking.messages import one_line
from tuner.trial.folder import StudyFolder
from tuner.trial.kept_model import model_note

PAGE = "report.html"
"""Name of the page in the study's folder."""


@dataclass(kw_only=True)
class Reporter:
    """Reads a study, writes its page, and finds the follow-up commands."""

    reader: StudyReader
    """Open reader of the study."""
    folder: StudyFolder
    """Files of the study."""
    page: Path
    """HTML file."""
    invocation: Invocation | None = None
    """Command of the sweep; None for the one stored with the study."""
    clock: Callable[[], datetime] = datetime.now
    """Function that returns the local time."""
    _importances: Mapping[str, float] = field(default_factory=dict, init=False)
    _completed: Sequence[int] = field(default=(), init=False)

    def view(self) -> StudyView:
        """Return the study as it is now."""
        return view(self.reader.read(), self.folder)

    def read(self, study: StudyView) -> SweepReading:
        """Interpret all trials together; importances are recomputed after each completed trial."""
        completed = [trial.number for trial in study.trials if trial.rank is not None]
        if completed != self._completed:
            self._completed = completed
            self._importances = self.reader.importances(study.space)
        return read_sweep(
            study.outcomes,
            space=study.space,
            goals=study.goals,
            importances=self._importances,
            epochs=study.epochs,
        )

    def follow_up(self, study: StudyView) -> FollowUp:
        """Return the commands that can follow the sweep."""
        found = self.invocation or stored_invocation(self.reader.attributes)
        return FollowUp(
            study=study.name,
            command_with=found.command_with if found is not None else overrides_only,
            study_exists=self.folder.has_sibling,
            is_confirmed=study.confirmation is not None,
        )

    def write(self, study: StudyView, reading: SweepReading, *, refresh: int = 0) -> None:
        """Write the page.

        Args:
            study: Study to show.
            reading: Interpretation of its trials.
            refresh: Seconds after which a browser reloads the page; 0 for never.

        Raises:
            InputError: The page cannot be written.
        """
        best_file = str(self.folder.best) if self.folder.best.exists() else ""
        text = render(
            study,
            reading,
            self.clock(),
            rerun=self.follow_up(study),
            best_file=best_file,
            model_note=model_note(self.folder),
            refresh=refresh,
        )
        try:
            write_output(self.page, text)
        except OSError as error:
            raise InputError(
                f"the page cannot be written: {error}",
                where=str(self.page),
                remedy="set report.output=FILE.html to a file in a folder that can be written",
            ) from error


def write_page(
    agent: AgentSettings,
    reading: SweepReading,
    invocation: Invocation,
    notice: Callable[[str], None],
) -> Path | None:
    """Write the page of a sweep that has ended here; its last agent does that.

    Args:
        agent: Name and storage of the study.
        reading: Interpretation of its trials.
        invocation: Command of the sweep.
        notice: Function that shows why the page cannot be written.

    Returns:
        Path of the page; None if it was not written.
    """
    folder = StudyFolder(Path(agent.output), agent.study_name)
    page = folder.path / PAGE
    try:
        reader = StudyReader(agent.study_name, agent.storage, Path(agent.output))
        try:
            reporter = Reporter(reader=reader, folder=folder, page=page, invocation=invocation)
            study = reporter.view()
            if all(trial.state != Phase.RUNNING for trial in study.trials):
                reporter.write(study, reading)
        finally:
            reader.close()
    except Exception as error:  # The page is an extra; the sweep is done without it.
        notice(f"the report cannot be written: {type(error).__name__}: {one_line(error)}")
    return page if page.is_file() else None
