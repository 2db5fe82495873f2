"""The agent's log: one file for each agent, none unless asked for, and no secret in it."""

import logging
import os

import pytest

from tuner.errors import InputError
from tuner.processes.agent_log import agent_log
from tuner.processes.host import host_name

log = logging.getLogger("tuner.study.claims")
ADDRESS = "postgresql://me:{}@db/studies"


def logs(folder):
    return [path.read_text() for path in sorted(folder.glob("agent-*.log"))]


@pytest.mark.parametrize("environment", [{}, {"TUNER_LOG": ""}])
def test_without_the_variable_nothing_is_made_or_printed(tmp_path, environment, capsys):
    with agent_log(tmp_path / "s", environment):
        log.info("claimed")
    assert not (tmp_path / "s").exists()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("level", "count"), [("debug", 2), ("INFO", 1)])
def test_records_of_the_level_and_above_are_written_with_time_and_module(tmp_path, level, count):
    before = logging.getLogger("tuner").level
    with agent_log(tmp_path / "s", {"TUNER_LOG": level}):
        log.info("trial 3 is claimed")
        log.debug("trial 3 is claimed")
    log.info("trial 3 is claimed after the end")
    (text,) = logs(tmp_path / "s")
    lines = [line for line in text.splitlines() if line.endswith("trial 3 is claimed")]
    assert len(lines) == count
    assert lines[0].split()[1:4] == ["INFO", "MainThread", "tuner.study.claims:"]
    assert "after the end" not in text
    assert logging.getLogger("tuner").level == before


def test_an_unknown_level_is_refused(tmp_path):
    with pytest.raises(InputError) as refused, agent_log(tmp_path, {"TUNER_LOG": "verbose"}):
        pass
    assert refused.value.where == "environment variable TUNER_LOG"
    assert "verbose" in refused.value.problem
    assert "TUNER_LOG=debug" in refused.value.remedy


def test_agents_with_the_same_host_and_process_id_have_logs_of_their_own(tmp_path):
    for number in range(3):
        with agent_log(tmp_path, {"TUNER_LOG": "info"}):
            log.info("agent %d", number)
    name = f"agent-{host_name()}-{os.getpid()}"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{name}-2.log", f"{name}-3.log", f"{name}.log",
    ]  # fmt: skip
    assert all(text.count("agent 0") + text.count("agent 1") < 2 for text in logs(tmp_path))


def test_secrets_are_masked_in_messages_arguments_and_tracebacks(tmp_path, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "swordfish-of-the-environment")

    def crash():
        with agent_log(tmp_path, {"TUNER_LOG": "debug"}):
            log.info("study in %s", ADDRESS.format("swordfish"))
            log.debug(f"heartbeats: {ADDRESS.format('swordfish')}")  # noqa: G004
            log.info("login: %s", {"password": "swordfish-of-the-environment"})
            raise ConnectionError(ADDRESS.format("swordfish"))

    with pytest.raises(ConnectionError):
        crash()
    (text,) = logs(tmp_path)
    assert text.count("postgresql://me:***@db/studies") == 3
    assert "ConnectionError" in text
    assert "Traceback" in text
    assert "swordfish" not in text.replace('ADDRESS.format("swordfish")', "")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "s").write_text("a file")
    with pytest.raises(InputError) as refused, agent_log(tmp_path / "s", {"TUNER_LOG": "info"}):
        pass
    assert refused.value.where == str(tmp_path / "s")


def test_a_record_that_cannot_be_written_is_lost(tmp_path, capsys, monkeypatch):
    def refuse(*given):
        raise OSError("No space left on device")

    with agent_log(tmp_path, {"TUNER_LOG": "info"}):
        handler = logging.getLogger("tuner").handlers[-1]
        with monkeypatch.context() as patch:
            patch.setattr(handler, "flush", refuse)
            log.info("lost")
        log.info("kept")
    assert "kept" in logs(tmp_path)[0]
    assert capsys.readouterr() == ("", "")
