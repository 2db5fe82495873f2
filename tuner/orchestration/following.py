"""Follows a sweep whose agents are jobs elsewhere: what the study and the queue say."""

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

LOOK_SECONDS = 10.0
"""Between two looks at the study and at the queue."""


class StudyLook:
    """The study as it was when it was last looked at; there may be none yet."""

    def __init__(self, agent: AgentSettings) -> None:
        """Looks for the first time.

        Args:
            agent: Which study, where it is, and its total.
        """
        self.folder = StudyFolder(Path(agent.output), agent.study_name)
        self.stored: StoredStudy | None = None
        self.refusal = ""
        self._agent = agent
        self._reader: StudyReader | None = None
        self.again()

    def again(self) -> None:
        """Looks again; where that can not be, the last look stands, and `refusal` says why."""
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
        """Of the trials that ended, by number."""
        return self.stored.outcomes if self.stored else []

    @property
    def done(self) -> int:
        """Trials that count toward the total."""
        return sum(outcome.state in COUNTED for outcome in self.outcomes)

    @property
    def is_complete(self) -> bool:
        """Whether the total is reached, and the best are confirmed where that is asked for."""
        is_done = self.done >= self._agent.sweep.n_trials or self._is_exhausted
        return is_done and self._is_confirmed

    @property
    def _is_exhausted(self) -> bool:
        """Whether each configuration of a finite space has ended."""
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
        """How far it is, and the best so far."""
        text = f"{self.done} of {self._agent.sweep.n_trials} trials"
        winner = best(self.outcomes, self.stored.goals) if self.stored else None
        if winner is None or self.stored is None:
            return text
        return f"{text}, best {self.stored.goals.objectives_text(winner)} (trial {winner.number})"

    def importances(self) -> Mapping[str, float]:
        """How much each searched key matters."""
        if self._reader is None or self.stored is None:
            return {}
        return self._reader.importances(self.stored.space)


class Follower:
    """Tells what becomes of a study and of its agents."""

    def __init__(self, study: StudyLook, agents: AgentFolder, terminal: Terminal) -> None:
        """Looks at nothing yet.

        Args:
            study: What the agents work on.
            agents: Their logs.
            terminal: Where it is told.
        """
        self._study = study
        self._agents = agents
        self._terminal = terminal
        self._jobs: dict[str, AgentJob] = {}
        self._told = {outcome.number for outcome in study.outcomes}
        self._line = self._silence = ""

    @property
    def jobs(self) -> Sequence[AgentJob]:
        """The agents as they were when the queue last told of them."""
        return list(self._jobs.values())

    def follow(self, jobs: Mapping[str, AgentJob]) -> Sequence[AgentJob]:
        """Tells what happens until every agent has ended.

        Args:
            jobs: Id to what is known of it.

        Returns:
            How they ended.
        """
        self._jobs = dict(jobs)
        with self._terminal.console.status(Text(self._line)) as status:
            while True:
                self._look()
                if all(job.phase is Phase.ENDED for job in self.jobs):
                    return self.jobs
                status.update(Text(self._line))
                time.sleep(LOOK_SECONDS)

    def _look(self) -> None:
        self._look_at_queue()
        self._look_at_study()  # After it: what ended agents did stands there.
        line = f"{self._study.text} · {agents_text(self.jobs)}"
        if line != self._line and not self._terminal.console.is_terminal:
            self._terminal.notice(line)
        self._line = line

    def _look_at_study(self) -> None:
        """A line for each trial that ended since the last look."""
        self._study.again()
        for outcome in self._study.outcomes:
            if outcome.number not in self._told and self._study.stored:
                self._told.add(outcome.number)
                self._terminal.show_outcome(outcome)

    def _look_at_queue(self) -> None:
        """A line for each agent that began, waits again or ended."""
        try:
            now = queue.look(self._jobs)
        except queue.QueueError as error:
            if str(error) != self._silence:
                self._terminal.warn(f"{error}; it is asked again")
            self._silence = str(error)
            return
        self._silence = ""
        for line in news(self._jobs, now):
            self._terminal.notice(line)
        for job in failed(now.values()):
            if self._jobs[job.id].phase is not Phase.ENDED:
                self._terminal.warn(f"its log: {self._agents.log(job.id)}")
        for job in now.values():
            # A look later, when word of its last run's end can not reach Slurm in its next.
            if job.rests and self._jobs[job.id].rests:
                queue.start_now(job.id)
        self._jobs = dict(now)
