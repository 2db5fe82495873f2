"""Studies in a real PostgreSQL: many agents, the server restarted, and no password anywhere."""

import itertools
import threading

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from benchmarks.agents import measure
from tests.agents import Agents, arguments, write_folder
from tests.commands.test_safe import files_with
from tests.engines.postgresql import PostgreSQL, missing
from tests.records import outcome
from tests.studies import make_study
from tuner.settings.settings import StorageSettings
from tuner.settings.storage import with_driver
from tuner.study import LeaseError
from tuner.study.owner import identity
from tuner.study.reader import StudyReader
from tuner.study.storage import OpenStorage

pytest.importorskip("psycopg", reason="psycopg is not installed")


@pytest.fixture(scope="module")
def server():
    if why := missing():
        pytest.skip(f"there is no PostgreSQL: {why}")
    server = PostgreSQL()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.mark.parametrize(
    ("agents", "trials", "kill"),
    [
        (3, 40, 1),
        pytest.param(8, 2000, 0, marks=pytest.mark.slow),
        pytest.param(8, 2000, 3, marks=pytest.mark.slow),
    ],
)
def test_the_total_holds_though_agents_are_killed(server, agents, trials, kill):
    url = with_driver(server.create(f"agents_{trials}_{kill}"))
    assert measure(url, agents=agents, slots=2, trials=trials, kill=kill) == []


def open_study(url, name="s"):
    return make_study(url, name=name, storage=StorageSettings(retry_timeout=60.0))


def test_a_trial_that_ends_at_any_moment_of_a_claim_is_counted(server, machines):
    url = with_driver(server.create("moments"))
    for moment in range(6):
        busy, other = open_study(url, f"s{moment}"), open_study(url, f"s{moment}")
        asked, statements = busy.claim(1), itertools.count()
        ended = outcome(asked.number, value=0.6, parameters=asked.parameters)
        thread = threading.Thread(target=busy.finish, args=(ended,))

        def end(*_, thread=thread, statements=statements, moment=moment):
            if next(statements) == moment:
                thread.start()
                thread.join(0.5)  # It may have to wait for the claim's lock.

        event.listen(other._storage.engine, "after_cursor_execute", end)
        assert other.claim(1) is None
        thread.join()
        assert other.claim(1) is None
        assert [each.number for each in other.outcomes()] == [0]
        busy.close()
        other.close()


def test_a_server_that_is_away_for_a_moment_loses_nothing(server):
    study = open_study(with_driver(server.create("away")))
    asked = study.claim(1)
    study.report(asked.number, 1, {"val_accuracy": 0.5})
    server.stop()
    server.restart()
    study.report(asked.number, 2, {"val_accuracy": 0.6})
    study.finish(outcome(asked.number, value=0.6, parameters=asked.parameters))
    assert study.claim(1) is None
    assert [(o.number, o.value) for o in study.outcomes()] == [(0, 0.6)]
    study.close()


def test_agents_of_several_machines_take_the_lease_in_turn(server, machines):
    url = with_driver(server.create("lease"))
    inside, most = [], []

    def work(study):
        lease = study.lease("turn")
        for _ in range(5):
            with lease.held(60.0):
                inside.append(study)
                most.append(len(inside))
                lease.check()
                inside.remove(study)

    studies = [open_study(url) for _ in range(4)]
    threads = [threading.Thread(target=work, args=(study,)) for study in studies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = studies[0].lease("turn").held(1.0)
    held.__enter__()
    with pytest.raises(LeaseError), studies[1].lease("turn").held(0.1):
        raise AssertionError
    held.__exit__(None, None, None)
    for study in studies:
        study.close()
    assert most == [1] * 20


def test_a_sweep_whose_address_has_a_password_leaves_it_nowhere(server, tmp_path, mlflow_uri):
    write_folder(tmp_path, "quick")
    url = server.create("secret")
    words = arguments(
        "quick", "storage=postgresql", f"storage.url={url}", "study=mine", "sweep.n_trials=3",
        "tracking.plots=true", "tracking.log_model=true",
    )  # fmt: skip
    agents = Agents(tmp_path, mlflow_uri, words)
    try:
        assert agents.finish(agents.start()) == 0, agents.printed()
    finally:
        agents.close()
    assert files_with(tmp_path, server.password) == []
    assert files_with(tmp_path, "storage.url=postgresql://postgres:***@127.0.0.1") != []
    reader = StudyReader("mine", StorageSettings(url=url), tmp_path / "outputs")
    assert [trial.number for trial in reader.read().trials] == [0, 1, 2]
    reader.close()


def test_the_server_ends_an_agent_that_is_frozen_in_a_transaction(server):
    url = with_driver(server.create("frozen"))
    opened = OpenStorage.database(url, identity(), "s")
    try:
        for engine in (opened.engine, opened.optuna.engine):  # They share their connections.
            with engine.connect() as connection:
                longest = connection.scalar(text("SHOW idle_in_transaction_session_timeout"))
            assert longest == "30s"
    finally:
        opened.close()


def test_who_lost_the_lock_to_the_server_claims_nothing(server):
    study = open_study(with_driver(server.create("lock")))
    coordination = study._open_storage.coordination
    with coordination.locked():
        holder = coordination._held.scalar(text("SELECT pg_backend_pid()"))
        with study._open_storage.engine.connect() as other:  # As the server does it after 30 s.
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": holder})
        with pytest.raises(OperationalError):
            coordination.check()
    assert study.claim(1).number == 0
    study.close()
