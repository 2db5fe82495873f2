"""Rate at which one MLflow server accepts runs from many agents, and so the agents it serves.

    python -m benchmarks.tracking_rate [--clients 1 4 8] [--trials 20] [--points 10]
        [--points-a-request 20] [--workers 1] [--postgresql]

Starts an `mlflow server` of so many workers on a fresh SQLite file, or with `--postgresql` on a
PostgreSQL of its own (`tests/engines/install.sh` installs it). Clients are processes: each spools
its trials as an agent does, as fast as the disk takes them, and sends them until the server has
all; each point has every figure that a worker reports. For each number of clients it prints the
trials, evaluation points and metric values that arrived in a second, after checking that all of
the trials are there.

An agent that keeps up sends each point in a request of its own, one that lags behind sends up to
twenty in one: `--points-a-request 1` measures the former.
"""

import argparse
import multiprocessing
import tempfile
import time
from contextlib import ExitStack
from multiprocessing.synchronize import Barrier
from pathlib import Path

from mlflow import MlflowClient

from benchmarks.tracking import report, run_trial
from tests.engines.postgresql import PostgreSQL, missing
from tests.tracking.server import Server
from tuner.settings.settings import TrackingSettings
from tuner.tracking import Tracker, store
from tuner.tracking.runs import point_logged
from tuner.trial.folder import StudyFolder

BARRIER_SECONDS = 300.0
NAME = "rate"


def client(uri: str, study: str, output: str, begin: Barrier, wanted: argparse.Namespace) -> None:
    """One agent: connects, waits for the others, and sends its trials."""
    store.POINTS_A_REQUEST = wanted.points_a_request
    folder = StudyFolder(Path(output), study)
    tracker = Tracker(TrackingSettings(uri=uri), study, folder)
    tracker.open()
    begin.wait(BARRIER_SECONDS)
    tracker.abandon([])
    for number in range(wanted.trials):
        run_trial(tracker, folder, number, wanted.points, pause=0.0)
    unsent = tracker.close()
    if unsent:
        raise SystemExit(unsent)


def measure(uri: str, clients: int, wanted: argparse.Namespace) -> float:
    """Trials that a server took in a second from so many clients at once."""
    study = f"{NAME}-{clients}-{time.time_ns()}"
    spawn = multiprocessing.get_context("spawn")
    begin = spawn.Barrier(clients + 1)
    with tempfile.TemporaryDirectory() as folder:
        agents = [
            spawn.Process(target=client, args=(uri, study, f"{folder}/{index}", begin, wanted))
            for index in range(clients)
        ]
        for agent in agents:
            agent.start()
        begin.wait(BARRIER_SECONDS)
        begun = time.monotonic()
        for agent in agents:
            agent.join()
        seconds = time.monotonic() - begun
    if any(agent.exitcode for agent in agents):
        raise SystemExit("a client failed")
    check(uri, study, clients * wanted.trials)
    return clients * wanted.trials / seconds


def check(uri: str, study: str, trials: int) -> None:
    """Every trial is there once, and has ended.

    Raises:
        SystemExit: It is not so.
    """
    server = MlflowClient(uri)
    experiment = server.get_experiment_by_name(study)
    runs = server.search_runs([experiment.experiment_id], max_results=trials + 1)
    if len(runs) != trials or {run.info.status for run in runs} != {"FINISHED"}:
        raise SystemExit(f"{len(runs)} runs of {trials} trials, or not all have ended")


def backend(stack: ExitStack, folder: str, *, postgresql: bool) -> str:
    """The address of an empty database with MLflow's tables."""
    uri = f"sqlite:///{folder}/server.db"
    if postgresql:
        if why := missing():
            raise SystemExit(why)
        database = PostgreSQL()
        stack.callback(database.close)
        database.start()
        uri = database.create("mlflow").replace("://", "+psycopg://")
    MlflowClient(uri).search_experiments()
    return uri


def main() -> None:
    """Measures one server with each number of clients."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 8])
    parser.add_argument("--trials", type=int, default=20, help="of each client")
    parser.add_argument("--points", type=int, default=10, help="evaluation points of a trial")
    parser.add_argument("--points-a-request", type=int, default=store.POINTS_A_REQUEST)
    parser.add_argument("--workers", type=int, default=1, help="of the server")
    parser.add_argument("--postgresql", action="store_true")
    wanted = parser.parse_args()
    values = len(point_logged("", report(1, wanted.points), 0).metrics)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        uri = backend(stack, folder, postgresql=wanted.postgresql)
        server = Server(Path(folder), uri, wanted.workers)
        stack.callback(server.kill)
        server.start()
        kind = uri.partition(":")[0].partition("+")[0]
        print(f"{kind}, {wanted.workers} workers, {wanted.points_a_request} points a request")
        for clients in wanted.clients:
            trials = measure(server.uri, clients, wanted)
            points = trials * wanted.points
            print(
                f"{clients} clients: {trials:6.2f} trials, {points:7.1f} points, "
                f"{points * values:8.0f} values a second",
                flush=True,
            )


if __name__ == "__main__":
    main()
