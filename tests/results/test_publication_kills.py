"""Agents killed while they publish or confirm, and many of them publishing at once."""

import os
import random
import re
import shutil
import signal
import time
from contextlib import suppress

import pytest
import yaml

from tests.agents import agents_maker, until
from tests.repeated import Repeated
from tests.soups import BEGUN, HOLD
from tuner.files.atomic import aside
from tuner.files.model_folder import defect
from tuner.settings.settings import StorageSettings
from tuner.study.reader import StudyReader
from tuner.trial.folder import StudyFolder
from tuner.trial.kept_model import model_note, written_model

LARGE = "large:200000"
"""Models of 200 kB, both of whose files say which trial they are of."""


@pytest.fixture
def make_agents(tmp_path, mlflow_uri):
    with agents_maker(tmp_path, mlflow_uri, LARGE) as make:
        yield make


def rising(folder, count):
    """Points that are tried first, each better than the one before it and than the default."""
    names = []
    for number in range(count):
        names.append(f"point{number:02}.yaml")
        rate = 5e-5 * 2 ** ((number + 1) / count)
        (folder / names[-1]).write_text(f"optimizer: {{learning_rate: {rate}}}\n")
    return f"sweep.start_from=[{','.join(names)}]"


def ended(folder, name="mine"):
    reader = StudyReader(name, StorageSettings(), folder / "outputs")
    try:
        return reader.read()
    finally:
        reader.close()


def read(file):
    return yaml.safe_load(file.read_text())


def weights_of(model):
    """The trial whose weights a model's folder holds, as the fake wrote it."""
    return (model / "model.safetensors").read_bytes().decode().strip()


def assert_one_version(model):
    """All files of a model are of one trial."""
    config = read(model / "best.yaml")
    trial = f"{config['optimizer']['learning_rate']} {config['training']['seed']}"
    assert weights_of(model) == read(model / "config.json")["trial"] == trial
    assert defect(model, contents=True) is None


def assert_published(place, total):
    """The files hold the best trial of the study, and nothing lies beside them."""
    folder, study = StudyFolder(place / "outputs", "mine"), ended(place)
    outcomes = [trial.outcome for trial in study.trials if trial.outcome is not None]
    values = {outcome.number: outcome.value for outcome in outcomes}
    assert len(values) == total
    best = max(values, key=lambda number: (values[number] or 0.0, -number))
    assert written_model(folder.best).trial == best
    assert read(folder.best)["provenance"]["value"] == values[best]
    assert (folder.best_model / "best.yaml").read_text() == folder.best.read_text()
    assert_one_version(folder.best_model)
    assert model_note(folder) is None
    assert not list(folder.path.glob("trials/*/*model*"))
    assert not list(folder.path.glob(".best_model*"))


def inodes(folder):
    """Files that each step of a publication changes."""
    found = []
    for path in (folder.best_model, folder.best, folder.best_model.with_name(".best_model.next")):
        try:
            found.append(path.stat().st_ino)
        except OSError:
            found.append(0)
    return found


def kill_while_it_publishes(agents, agent, folder, chance):
    """Kill an agent in or right after some step of a publication; return its exit code."""
    before = inodes(folder)
    while agents.alive(agent):
        now = inodes(folder)
        if now != before and chance.random() < 0.4:
            time.sleep(chance.choice((0.0, 0.0, chance.uniform(0.0, 0.02))))
            os.kill(agent, signal.SIGKILL)
            break
        before = now
        time.sleep(0.0005)  # The agent needs the processor, too.
    return agents.finish(agent)


@pytest.mark.timeout(1800)
def test_an_agent_killed_while_it_publishes_leaves_nothing_wrong(tmp_path, make_agents):
    points = 4
    folder, chance = StudyFolder(tmp_path / "outputs", "mine"), random.Random(7)  # noqa: S311
    total = points + 1
    agents = make_agents(
        rising(tmp_path, points), f"sweep.n_trials={total}", "launcher.max_attempts=50"
    )
    kills = 0
    while (code := kill_while_it_publishes(agents, agents.start(), folder, chance)) != 0:
        assert code == -signal.SIGKILL, agents.printed()
        kills += 1
        for model in (folder.best_model, aside(folder.best_model)):
            if (model / "best.yaml").exists():
                assert_one_version(model)
        until(lambda: not agents.workers(), seconds=30)
        assert kills <= 10 * total
    print(f"{kills} kills")
    assert kills >= points / 2
    assert_published(tmp_path, total)


class Versions(Repeated):
    """Every version of best.yaml that was there, by what it says of its trial's value."""

    pause = 0.002

    def __init__(self, file):
        super().__init__()
        self.file, self.values, self._last = file, [], 0

    def look(self):
        with suppress(FileNotFoundError):
            with self.file.open() as file:
                text = file.read()
            if hash(text) != self._last:
                self._last = hash(text)
                self.values.append(float(re.search(r"\n  value: (\S+)", text)[1]))


@pytest.mark.parametrize(
    ("agents", "slots", "points"), [(2, 2, 10), pytest.param(4, 3, 40, marks=pytest.mark.slow)]
)
def test_best_yaml_never_goes_back_to_a_worse_trial(tmp_path, make_agents, agents, slots, points):
    made = make_agents(
        rising(tmp_path, points), f"sweep.n_trials={points + 1}", f"launcher.slots={slots}",
        "storage=journal",
    )  # fmt: skip
    with Versions(tmp_path / "outputs/mine/best.yaml") as versions:
        started = [made.start() for _ in range(agents)]
        assert [made.finish(agent) for agent in started] == [0] * agents, made.printed()
    print(f"{len(versions.values)} versions")
    assert versions.values == sorted(versions.values)
    assert len(versions.values) >= 3  # Trials that end together are published together.
    assert_published(tmp_path, points + 1)


# -- confirmation -----------------------------------------------------------------------------


def test_an_agent_killed_while_it_confirms_confirms_the_same(tmp_path, make_agents):
    seeds, kills = 3, 3
    folder, chance = StudyFolder(tmp_path / "outputs", "mine"), random.Random(3)  # noqa: S311
    agents = make_agents(
        rising(tmp_path, 2), "sweep.n_trials=3", "launcher.max_attempts=50",
        f"sweep.confirm={{top: 2, seeds: {seeds}}}", checkpoint="noisy:0.01",
    )  # fmt: skip
    repeats = folder.confirmation.path
    for _ in range(kills):
        begun, agent = len(list(repeats.glob("trials/*"))), agents.start()
        until(
            lambda n=begun, a=agent: len(list(repeats.glob("trials/*"))) > n or not agents.alive(a)
        )
        time.sleep(chance.uniform(0.0, 0.8))
        os.kill(agent, signal.SIGKILL)
        assert agents.finish(agent) in (0, -signal.SIGKILL), agents.printed()
        until(lambda: not agents.workers(), seconds=30)
    assert agents.finish(agents.start()) == 0, agents.printed()

    found = ended(tmp_path).confirmation
    first = found.best
    assert len(first.scores) == seeds
    described = read(folder.best)["provenance"]
    assert described["trial"] == first.trial
    assert described["confirmed"]["seeds"] == list(first.scores)
    kept = written_model(folder.best_model / "best.yaml")
    best_seed = max(first.scores, key=lambda seed: first.scores[seed])
    assert (kept.trial, kept.seed) == (first.trial, best_seed)
    config = read(folder.best_model / "best.yaml")
    trial = f"{config['optimizer']['learning_rate']} {config['training']['seed']}"
    assert read(folder.best_model / "config.json")["trial"] == trial
    assert defect(folder.best_model, contents=True) is None
    assert not list(folder.path.glob(".best_model*"))
    numbers = [path.name for path in sorted(repeats.glob("trials/*"))]
    assert numbers == [f"{number:05d}" for number in range(len(numbers))]


# -- lost models ------------------------------------------------------------------------------


def test_a_lost_model_is_trained_again_once_whoever_dies_meanwhile(tmp_path, make_agents):
    """One agent is killed while it trains; of two that start then, one does it."""
    folder = StudyFolder(tmp_path / "outputs", "mine")
    agents = make_agents("sweep.n_trials=2", checkpoint="gate:open")
    (tmp_path / "open").touch()
    assert agents.finish(agents.start()) == 0, agents.printed()
    config = read(folder.best_model / "config.json")
    shutil.rmtree(folder.best_model)

    (tmp_path / "open").unlink()
    killed = agents.start()
    until(lambda: list(folder.retraining.path.glob("trials/*/reports.jsonl")), seconds=120)
    agents.kill(killed)
    until(lambda: not agents.workers(), seconds=30)
    (tmp_path / "open").touch()
    both = [agents.start() for _ in range(2)]
    assert [agents.finish(agent) for agent in both] == [0, 0], agents.printed()
    assert agents.printed().count("was retrained and saved") == 1
    assert_published_gated(folder, config)
    assert len(ended(tmp_path).trials) == 2


# -- soups ------------------------------------------------------------------------------------


def test_a_soup_is_built_whoever_dies_meanwhile(tmp_path, make_agents):
    """The first agent is killed while it builds, the second while the third one waits for it."""
    folder = StudyFolder(tmp_path / "outputs", "mine")
    agents = make_agents(rising(tmp_path, 2), "sweep.n_trials=3", "sweep.soup=true")
    (tmp_path / HOLD).touch()
    begun = tmp_path / BEGUN

    def builds(agent):
        until(lambda: begun.exists() and str(agent) in begun.read_text().split(), seconds=120)

    first = agents.start()
    builds(first)
    assert_one_version(folder.best_model)
    agents.kill(first)
    second = agents.start()
    builds(second)
    third = agents.start()
    until(lambda: agents.printed().count("review: ") >= 3, seconds=120)
    agents.kill(second)
    builds(third)
    (tmp_path / HOLD).unlink()
    assert agents.finish(third) == 0, agents.printed()
    assert len(begun.read_text().split()) == 3
    members = ended(tmp_path).soup.soup.members
    assert [each.trial for each in members] == [0, 1, 2]
    assert read(folder.best_model / "config.json") == {"members": 3}
    assert_one_version(folder.single_model)
    assert model_note(folder) is None
    assert not list(folder.path.glob("soup/*"))

    # The agents that come later find it built.
    assert agents.finish(agents.start()) == 0, agents.printed()
    assert len(begun.read_text().split()) == 3


def assert_published_gated(folder, config):
    """The fake's weights do not say of which trial they are; its configuration does."""
    assert read(folder.best_model / "config.json") == config
    assert (folder.best_model / "best.yaml").read_text() == folder.best.read_text()
    assert defect(folder.best_model, contents=True) is None
    assert model_note(folder) is None
    assert not folder.retraining.path.exists()
