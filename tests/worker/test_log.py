"""The log of a trial that runs in the agent's own process."""

import logging

from tuner.trial.names import LOG_NAME
from tuner.worker.log import recording_to

AGENT, WORKER = (logging.getLogger(f"tuner.{name}") for name in ("execution.loop", "worker.life"))


def test_it_has_what_the_worker_logs_and_leaves_the_agents_level(tmp_path, monkeypatch):
    ours = logging.getLogger("tuner")
    monkeypatch.setattr(ours, "level", logging.DEBUG)
    with recording_to(tmp_path):
        assert ours.level == logging.DEBUG
        WORKER.info("of the worker")
        AGENT.info("of the agent")
        WORKER.debug("a detail")
    assert ours.level == logging.DEBUG
    (line,) = (tmp_path / LOG_NAME).read_text().splitlines()
    assert line.endswith("of the worker")
