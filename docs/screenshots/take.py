"""Take this folder's pictures: of a sweep's terminal, and of MLflow in a browser as a new user.

    uv run --no-sync --with playwright python docs/screenshots/take.py FOLDER [PICTURES]

Where FOLDER holds no sweep yet, the default sweep runs there first and its terminal is recorded.
Needs tmux and Chromium. Each picture is taken after the page has shown what it is to show; where
it does not, the script fails. It prints what it clicked and saw.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import terminal
from mlflow import MlflowClient
from playwright.sync_api import Locator, Page, expect, sync_playwright
from rich.text import Text

from tuner.settings.settings import StorageSettings
from tuner.study.reader import StudyReader
from tuner.tracking.address import check_reachable
from tuner.tracking.view import DATABASE, LOCAL_SERVER, review

STUDY = "lr_search"
OBJECTIVE = "val_accuracy"
TRADED = "trade_offs"
TRADED_SWEEP = (
    f"sweep={STUDY}", f"study={TRADED}", "sweep.n_trials=10",
    "sweep.objectives=[val_accuracy,examples_per_second]", "model.max_length=16,32,64,128",
    "optimizer.learning_rate=tag(log,interval(1e-4,4e-4))", "schedule=constant",
    "training.batch_size=32", "training.epochs=3", "data.train_examples=400",
    "data.validation_examples=200",
)  # fmt: skip
WIDE, NARROW = 120, 80
"""Columns of the terminal."""

COMPARED = 5
FILTERS = (
    "params.schedule = 'constant'",
    "params.\"optimizer.learning_rate\" LIKE '%e-06'",
    "tags.convergence = 'improving'",
    "tags.convergence = 'diverged'",
)
"""The picture is of the last that finds a run."""

WINDOW = {"width": 1440, "height": 900}
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
LARGEST = 250_000
"""Bytes of a picture."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A visit to the pages of one sweep."""

    page: Page
    """Page of the browser."""

    client: MlflowClient
    """MLflow's own answers, to compare the pages with."""

    experiment: str
    """MLflow's name for the experiment."""

    address: str
    """Address that a sweep prints, with the running server."""

    pictures: Path
    """Folder of the pictures."""

    def count(self, wanted: str = "") -> int:
        """Return the number of runs that MLflow itself finds."""
        return len(self.client.search_runs([self.experiment], wanted))

    def open(self) -> None:
        """Open the address that a sweep prints."""
        self.page.goto("about:blank")
        self.page.goto(self.address)
        see_runs(self.page, self.count())

    def take(self, name: str, page: Page | None = None) -> None:
        """Write a picture of the page as it is."""
        shown = page or self.page
        shown.mouse.move(0, 0)
        shown.wait_for_timeout(2000)  # charts and tips fade in and out
        file = self.pictures / f"{name}.png"
        shown.screenshot(path=file)
        if file.stat().st_size > LARGEST:
            sys.exit(f"{file.name} is larger than {LARGEST} bytes")
        show(f"  -> {file.name}")


def show(line: str) -> None:
    """Print at once."""
    print(line, flush=True)


def see(page: Page, *texts: str) -> None:
    """Wait until the page shows all of them."""
    for text in texts:
        shown = page.get_by_text(text).filter(visible=True).first
        expect(shown).to_be_visible(timeout=60_000)
    show(f"  seen: {', '.join(texts)}")


def see_runs(page: Page, count: int) -> None:
    """Wait until the page counts so many runs."""
    text = f"{count} matching run{'' if count == 1 else 's'}"
    expect(page.get_by_text(text, exact=True)).to_be_visible(timeout=60_000)
    show(f"  seen: {text}")


def follow(page: Page, link: Locator) -> Page:
    """Click a link that opens a tab."""
    with page.context.expect_page() as opened:
        link.click()
    show(f"  opened: {opened.value.url.partition('#')[2][:60]}")
    return opened.value


# -- what a new user does -------------------------------------------------------------------------


def arrive(visit: Visit) -> None:
    """From a bare `mlflow ui`, without the printed address, to the view."""
    page = visit.page
    show("mlflow ui, its first page, Experiments, the sweep's experiment")
    page.goto(visit.address.partition("#")[0])
    page.get_by_role("button", name="Close").last.click()  # the assistant, a quarter of the width
    page.get_by_role("link", name="Experiments").first.click()
    page.get_by_role("link", name=STUDY, exact=True).first.click()
    page.get_by_role("button", name="Got it").click()  # of a tour for generative AI
    view = follow(page, page.get_by_role("link", name="trials by score"))
    see_runs(view, visit.count())
    see(view, "convergence", "trial_state")
    view.close()
    show("Model training, which MLflow remembers")
    page.get_by_text("Model training", exact=True).click()


def experiment(visit: Visit) -> None:
    """The prepared view: a row for each trial, the best first."""
    show("the printed address")
    visit.open()
    page = visit.page
    see(page, "objective", OBJECTIVE, "convergence", "trial_state", "optimizer.learning_rate")
    best = visit.client.search_runs([visit.experiment], order_by=["metrics.objective DESC"])[0]
    expect(page.get_by_role("row").filter(has_text="trial-").first).to_contain_text(
        str(best.info.run_name)
    )
    show(f"  first row: {best.info.run_name}")
    visit.take("mlflow_experiment")


def charts(visit: Visit) -> None:
    """Curves and parallel coordinates."""
    show("Chart view")
    visit.open()
    visit.page.locator("label:has(input[value=CHART])").click()
    see(visit.page, OBJECTIVE, "Parallel Coordinates", "val_loss", "train_loss")
    expect(visit.page.locator(".js-plotly-plot").first).to_be_visible(timeout=60_000)
    visit.take("mlflow_charts")


def filters(visit: Visit) -> None:
    """The runs that a filter finds are those that MLflow itself finds."""
    page = visit.page
    for wanted in FILTERS:
        show(f"filter: {wanted}")
        visit.open()
        page.get_by_test_id("search-box").click()
        page.keyboard.press("Control+A")  # the view's own filter
        page.keyboard.type(wanted)
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        count = visit.count(wanted)
        see_runs(page, count)
        if count:
            visit.take("mlflow_filter")


def compare(visit: Visit) -> None:
    """Five trials beside each other."""
    show(f"the first {COMPARED} rows, Compare")
    visit.open()
    page = visit.page
    for row in range(COMPARED):
        page.locator(".ag-row .ag-selection-checkbox input").nth(row).click()
    page.get_by_role("button", name="Compare", exact=True).first.click()
    see(page, f"Comparing {COMPARED} Runs", "Parallel Coordinates Plot", "schedule")
    visit.take("mlflow_compare")
    show(f"{OBJECTIVE} in the table of metrics")
    page.get_by_role("link", name="train_loss", exact=True).hover()
    page.mouse.wheel(0, 600)
    page.get_by_role("link", name=OBJECTIVE, exact=True).click()
    see(page, "Completed Runs", f"{COMPARED}/{COMPARED}", "trial-")
    visit.take("mlflow_compare_curves")


def runs(visit: Visit) -> None:
    """The sweep's own run, a trial that it links to, and the artifacts of both."""
    show("the sweep's run, Show more, the first trial of its table")
    visit.open()
    page = visit.page
    page.get_by_role("row").get_by_role("link", name=STUDY, exact=True).click()
    page.get_by_text("Show more").click()
    see(page, "Best: trial", "Reading", "rank", "parameters")
    visit.take("mlflow_sweep_run")
    trial = follow(page, page.locator("td a[target=_blank]").first)
    see(trial, "trial-", "optimizer.learning_rate", "convergence_reason")
    show("its artifacts")
    trial.get_by_role("tab", name="Artifacts").click()
    artifact(trial, "data_report.txt", "training rows")
    artifact(trial, "worker.log", "Path:")
    artifact(trial, "config.yaml", "optimizer:")
    visit.take("mlflow_artifacts", trial)
    trial.close()
    show("the artifacts of the sweep's run")
    page.get_by_role("tab", name="Artifacts").click()
    artifact(page, "sweep.yaml", "n_trials")
    artifact(page, "reading.md", "Best: trial")
    page.get_by_text("plots", exact=True).first.click()
    artifact(page, "optimization_history.png", "Path:")
    artifact(page, "plots.html", "Path:")


def artifact(page: Page, name: str, text: str) -> None:
    """Open a file of a run."""
    page.get_by_text(name, exact=True).first.click()
    see(page, name, text)


def report(visit: Visit, folder: Path) -> None:
    """The page that needs no server."""
    show("tuner report, its page")
    open_report(visit, folder, STUDY)
    visit.take("report_page")


def trade_offs(visit: Visit, folder: Path) -> None:
    """The same page of a sweep of two objectives, which runs first where there is none."""
    show(f"tuner {' '.join(TRADED_SWEEP)}: minutes, unless it is there")
    _tuner(folder, *TRADED_SWEEP)
    open_report(visit, folder, TRADED)
    see(visit.page, "Trade-offs", "on the front", "better ↗")
    visit.take("report_trade_offs")


def open_report(visit: Visit, folder: Path, study: str) -> None:
    """Make a study's page and opens it."""
    _tuner(folder, "report", f"study={study}")
    visit.page.goto((folder / "outputs" / study / "report.html").absolute().as_uri())
    see(visit.page, study)


def _tuner(folder: Path, *arguments: str) -> None:
    """Run a command as in a shell with the environment activated."""
    command = ["tuner", *arguments]
    environment = {**os.environ, **terminal.activated()}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


# -- what it needs --------------------------------------------------------------------------------


def record(folder: Path, pictures: Path) -> None:
    """Draw the default sweep in a wide and in a narrow terminal, while it runs and at its end.

    It is interrupted in the wide one and goes on in the narrow one. Its end is drawn in the wide
    one from the same command given again, which shows the ended sweep.
    """
    show("tuner sweep=lr_search: minutes")
    folder.mkdir(parents=True, exist_ok=True)
    command = f"tuner sweep={STUDY}"
    secrets = [str(Path.home()), str(folder), str(Path.cwd()), f"@{socket.gethostname()}"]

    def draw(shown: str, moment: str, width: int) -> None:
        file = pictures / f"terminal_{moment}_{width}.svg"
        terminal.draw(shown, command, file, width=width, secrets=secrets)
        show(f"  -> {file.name}")

    arguments = command.split()
    with terminal.terminal(arguments, folder, WIDE):
        draw(running("5 of "), "running", WIDE)
        terminal.interrupt()
        terminal.wait_for_end(seconds=300)
    with terminal.terminal(arguments, folder, NARROW):
        draw(running("9 of "), "running", NARROW)
        draw(end_of(terminal.wait_for_end(seconds=1800)), "end", NARROW)
    with terminal.terminal(arguments, folder, WIDE):
        draw(end_of(terminal.wait_for_end(seconds=600)), "end", WIDE)


def running(trials: str) -> str:
    """Return the screen some seconds after so many trials ended, when others run in all slots."""
    terminal.wait_for(trials, seconds=900)
    time.sleep(10)
    return terminal.screen()


def end_of(written: str) -> str:
    """Return the output of a sweep from the headings of its ranked table on."""
    lines = written.splitlines()
    plain = [Text.from_ansi(line).plain for line in lines]
    table = max(at for at, line in enumerate(plain) if line.startswith("rank  trial"))
    blank = max(at for at in range(table) if not plain[at].strip())
    return "\n".join(lines[blank + 1 :])


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A bare `mlflow ui` in a folder, at a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "ui", "--port", str(port)],
        cwd=folder,
        env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_healthy(address, seconds=300)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def wait_until_healthy(address: str, seconds: float) -> None:
    """Wait for MLflow's server."""
    until = time.monotonic() + seconds
    while True:
        try:
            check_reachable(address)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
        else:
            return


def main(folder: Path, pictures: Path) -> None:
    """Take all of them."""
    if not (folder / DATABASE).exists():
        record(folder, pictures)
    store = f"sqlite:///{(folder / DATABASE).absolute()}"
    client = MlflowClient(store)
    name = client.get_experiment_by_name(STUDY).experiment_id
    study = StudyReader(STUDY, StorageSettings(), folder / "outputs").identity
    printed = review(store, name, study.id).rpartition(" then ")[2]
    with served(folder) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        visit = Visit(
            page=browser.new_page(viewport=WINDOW),
            client=client,
            experiment=name,
            address=printed.replace(LOCAL_SERVER, server),
            pictures=pictures,
        )
        for step in (arrive, experiment, charts, filters, compare, runs):
            step(visit)
        report(visit, folder)
        trade_offs(visit, folder)
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("pictures", type=Path, nargs="?", default=Path(__file__).parent)
    arguments = parser.parse_args()
    main(arguments.folder, arguments.pictures)
