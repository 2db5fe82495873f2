"""Follows a sweep whose agents are jobs elsewhere, by its study and the job queue."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.text import Text

from tuner.errors import InputError
from tuner.launchers.slurm import queue
from tuner.launchers.slurm.spec import AgentJob, Phase, agents_text, failed, news
from tuner.launchers.slurm.submission import AgentFolder
from tuner.results.terminal import COUNTED, Terminal
from tuner.search.extent import grid_of
from tuner.search.pareto import best
from tuner.settings.settings import AgentSettings
from tuner.study.lost import StudyLostError
from tuner.study.reader import StoredStudy, StudyReader
from tuner.study.storage_retry import STORAGE_ERRORS
from tuner.tracking.messages import one_line
from tuner.trial.folder import StudyFolder
from tuner.trial.records import TrialOutcome

POLL_SECONDS = 10.0
"""Interval at which the study and the queue are read."""


class StudyWatcher:
    """Study as it was last read; it may not exist yet."""

    def __init__(self, agent: AgentSettings) -> None:
        """Read the study for the first time.

        Args:
            agent: Name, storage and total of the study.
        """
        self.folder = StudyFolder(Path(agent.output), agent.study_name)
        self.stored: StoredStudy | None = None
        self.refusal = ""
        self._agent = agent
        self._reader: StudyReader | None = None
        self.refresh()

    def refresh(self) -> None:
        """Read the study again; on failure keep the last state and set `refusal` to the reason."""
        agent = self._agent
        try:
            if self._reader is None:
                output = Path(agent.output)
                self._reader = StudyReader(agent.study_name, agent.storage, output)
            self.stored = self._reader.read()
            self.refusal = ""
        except InputError as error:
            self.refusal = error.problem
        except (*STORAGE_ERRORS, StudyLostError) as error:
            self.refusal = one_line(error)

    @property
    def outcomes(self) -> list[TrialOutcome]:
        """Ended trials, by number."""
        return self.stored.outcomes if self.stored else []

    @property
    def done(self) -> int:
        """Number of trials that count toward the total."""
        return sum(outcome.state in COUNTED for outcome in self.outcomes)

    @property
    def is_complete(self) -> bool:
        """True if the total is reached, and the best are confirmed if that is requested."""
        is_done = self.done >= self._agent.sweep.n_trials or self._is_exhausted
        return is_done and self._is_confirmed

    @property
    def _is_exhausted(self) -> bool:
        """True if each configuration of a finite space has ended."""
        grid = grid_of(self.stored.space, self._agent.sampler) if self.stored else None
        if grid is None:
            return False
        return sum(grid.has(outcome.parameters) for outcome in self.outcomes) >= grid.size

    @property
    def _is_confirmed(self) -> bool:
        wanted = self._agent.sweep.confirm
        found = self.stored.confirmation if self.stored else None
        return wanted.top is None or (found is not None and found.seeds >= wanted.seeds)

    @property
    def text(self) -> str:
        """Progress of the study, and its best trial so far."""
        text = f"{self.done} of {self._agent.sweep.n_trials} trials"
        winner = best(self.outcomes, self.stored.goals) if self.stored else None
        if winner is None or self.stored is None:
            return text
        return f"{text}, best {self.stored.goals.objectives_text(winner)} (trial {winner.number})"

    def importances(self) -> Mapping[str, float]:
        """Return the importance of each searched key."""
        if self._reader is None or self.stored is None:
            return {}
        return self._reader.importances(self.stored.space)


class Follower:
    """Shows the progress of a study and of its agents."""

    def __init__(self, study: StudyWatcher, agents: AgentFolder, terminal: Terminal) -> None:
        """Keep the arguments; nothing is read yet.

        Args:
            study: Study of the agents.
            agents: Folder of their logs.
            terminal: Display.
        """
        self._study = study
        self._agents = agents
        self._terminal = terminal
        self._jobs: dict[str, AgentJob] = {}
        self._shown = {outcome.number for outcome in study.outcomes}
        self._line = self._silence = ""

    @property
    def jobs(self) -> Sequence[AgentJob]:
        """Agents as the queue last reported them."""
        return list(self._jobs.values())

    def follow(self, jobs: Mapping[str, AgentJob]) -> Sequence[AgentJob]:
        """Show the progress until every agent has ended.

        Args:
            jobs: Job id to the known facts.

        Returns:
            Agents at their end.
        """
        self._jobs = dict(jobs)
        with self._terminal.console.status(Text(self._line)) as status:
            while True:
                self._poll()
                if all(job.phase is Phase.ENDED for job in self.jobs):
                    return self.jobs
                status.update(Text(self._line))
                time.sleep(POLL_SECONDS)

    def _poll(self) -> None:
        self._show_queue()
        self._show_ended_trials()  # After the queue: trials of ended agents are in the study.
        line = f"{self._study.text} · {agents_text(self.jobs)}"
        if line != self._line and not self._terminal.console.is_terminal:
            self._terminal.notice(line)
        self._line = line

    def _show_ended_trials(self) -> None:
        """Show a line for each trial that ended since the last read."""
        self._study.refresh()
        for outcome in self._study.outcomes:
            if outcome.number not in self._shown and self._study.stored:
                self._shown.add(outcome.number)
                self._terminal.show_outcome(outcome)

    def _show_queue(self) -> None:
        """Show a line for each agent that started, was requeued or ended."""
        try:
            now = queue.look(self._jobs)
        except queue.QueueError as error:
            if str(error) != self._silence:
                self._terminal.warn(f"{error}; the next attempt is in {POLL_SECONDS:.0f} s")
            self._silence = str(error)
            return
        self._silence = ""
        for line in news(self._jobs, now):
            self._terminal.notice(line)
        for job in failed(now.values()):
            if self._jobs[job.id].phase is not Phase.ENDED:
                self._terminal.warn(f"its log: {self._agents.log(job.id)}")
        for job in now.values():
            # Only at the next poll: then Slurm cannot take the end of its last run for that of its
            # next.
            if job.rests and self._jobs[job.id].rests:
                queue.start_now(job.id)
        self._jobs = dict(now)
