"""A study read for people, and its HTML page."""

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
    """Reads the study, writes the page, says what to print."""

    reader: StudyReader
    """Open."""
    folder: StudyFolder
    """The study's files."""
    page: Path
    """The HTML file."""
    invocation: Invocation | None = None
    """The command of the sweep; None: the study knows it."""
    clock: Callable[[], datetime] = datetime.now
    """Local time."""
    _importances: Mapping[str, float] = field(default_factory=dict, init=False)
    _completed: Sequence[int] = field(default=(), init=False)

    def look(self) -> StudyView:
        """The study as it is now."""
        return view(self.reader.read(), self.folder)

    def read(self, study: StudyView) -> SweepReading:
        """What the trials say as a whole; importances are found again with each that completed."""
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

    def rerun(self, study: StudyView) -> FollowUp:
        """What can be run after the sweep, whose command the study knows."""
        found = self.invocation or stored_invocation(self.reader.attributes)
        return FollowUp(
            study=study.name,
            command_with=found.command_with if found is not None else overrides_only,
            study_exists=self.folder.has_sibling,
            is_confirmed=study.confirmation is not None,
        )

    def write(self, study: StudyView, reading: SweepReading, *, refresh: int = 0) -> None:
        """Writes the page.

        Args:
            study: What is shown.
            reading: What its trials say as a whole.
            refresh: Seconds after which a browser loads it again; 0: never.

        Raises:
            InputError: It can not be written.
        """
        best_file = str(self.folder.best) if self.folder.best.exists() else ""
        text = render(
            study,
            reading,
            self.clock(),
            rerun=self.rerun(study),
            best_file=best_file,
            model_note=model_note(self.folder),
            refresh=refresh,
        )
        try:
            write_output(self.page, text)
        except OSError as error:
            raise InputError(
                f"the page can not be written: {error}",
                where=str(self.page),
                remedy="report.output=FILE.html in a folder that can be written",
            ) from error


def write_page(
    agent: AgentSettings,
    reading: SweepReading,
    invocation: Invocation,
    notice: Callable[[str], None],
) -> Path | None:
    """Write the page of a sweep that has ended here; the last of its agents does.

    Args:
        agent: Names the study and its storage.
        reading: What its trials say as a whole.
        invocation: The sweep's command.
        notice: Told why the page cannot be written.

    Returns:
        The page; None where it is not there.
    """
    folder = StudyFolder(Path(agent.output), agent.study_name)
    page = folder.path / PAGE
    try:
        reader = StudyReader(agent.study_name, agent.storage, Path(agent.output))
        try:
            reporter = Reporter(reader=reader, folder=folder, page=page, invocation=invocation)
            study = reporter.look()
            if all(trial.state != Phase.RUNNING for trial in study.trials):
                reporter.write(study, reading)
        finally:
            reader.close()
    except Exception as error:  # The sweep is done; its page is an extra.
        notice(f"the report cannot be written: {type(error).__name__}: {one_line(error)}")
    return page if page.is_file() else None
