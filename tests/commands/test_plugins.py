"""Classes and metrics of installed packages, from the command line."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.commands.conftest import OWN
from tests.packages import install_package, unpacked_wheel
from tuner.__main__ import main
from tuner.fields import plugins

ROOT = Path(__file__).parents[2]
EXAMPLES = [ROOT / "examples" / name for name in ("tuner-signsgd", "tuner-ordinal")]

NICE = """\
#!/bin/sh
printf '%s\\n' "$*" >> {called}
PATH={path}
exec nice "$@"
"""
"""A `nice` that notes its arguments."""


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The search path on which the example packages are installed, and nothing else."""
    found = [unpacked_wheel(each, tmp_path_factory.mktemp(each.name)) for each in EXAMPLES]
    return os.pathsep.join(map(str, found))


@pytest.fixture
def tuner(folder, example, tmp_path):
    """Runs a command in a process that has the example packages."""
    nice = tmp_path / "bin" / "nice"
    nice.parent.mkdir()
    nice.write_text(NICE.format(called=tmp_path / "called", path=os.environ["PATH"]))
    nice.chmod(0o755)

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "tuner", *arguments],
            cwd=folder,
            env={
                **os.environ,
                "PATH": f"{nice.parent}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": os.pathsep.join([str(ROOT), example]),
            },
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.tf
def test_a_real_sweep_with_plug_ins_of_every_kind(tuner, folder, capsys):
    done = tuner(
        *OWN, "optimizer=choice(adamw,signsgd)", "optimizer.learning_rate=1e-3",
        "schedule=cooldown", "schedule.cooldown_fraction=0.5", "sampler=grid",
        "task=ordinal", "task.quantile=0.4", "sweep.objectives=[val_distance]",
        "launcher=nice", "launcher.niceness=7", "launcher.slots=1", "pruner=none",
        "convergence.not_learning_patience=null",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "called").read_text().startswith("-n 7 ")
    trials = [path.parent for path in (folder / "outputs/mine/trials").glob("*/config.yaml")]
    outcomes = [json.loads((trial / "outcome.json").read_text()) for trial in trials]
    assert {outcome["state"] for outcome in outcomes} == {"complete"}
    configs = [yaml.safe_load((trial / "config.yaml").read_text()) for trial in trials]
    assert {config["optimizer"]["name"] for config in configs} == {"adamw", "signsgd"}
    expected = {"name": "cooldown", "warmup_fraction": 0.1, "cooldown_fraction": 0.5}
    assert all(config["schedule"] == expected for config in configs)
    best = yaml.safe_load((folder / "outputs/mine/best.yaml").read_text())
    versions = best["provenance"]["versions"]
    assert versions["tuner-signsgd"] == versions["tuner-ordinal"] == "0.1.0"
    assert "tuner_ordinal.metric:distance" in versions["metric distance"]
    for outcome in outcomes:
        metrics = outcome["last"]["metrics"]
        assert metrics["val_distance"] == pytest.approx(1.0 - metrics["val_accuracy"])
        assert outcome["value"] == metrics["val_distance"]
        assert -1.0 <= metrics["val_kappa"] <= 1.0

    model = "outputs/mine/best_model"
    inputs = json.loads((folder / model / "model_inputs.json").read_text())
    task = {"name": "ordinal", "quantile": 0.4, "package": "tuner-ordinal"}
    assert inputs["task"] == task
    predicted = tuner("predict", model, "validation.csv", "predict.output=p.csv")
    assert predicted.returncode == 0, predicted.stderr
    assert "kappa" in predicted.stdout
    with (folder / "p.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        first = float(row["probability of negative"]) >= 0.4
        assert row["predicted"] == ("negative" if first else "positive")
    assert main(["predict", model, "validation.csv"]) == 2
    assert "tuner-ordinal" in capsys.readouterr().err


@pytest.mark.tf
def test_the_ordinal_example_computes_the_distance_of_cumulative_probabilities(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES[1])
    from tuner_ordinal.task import Ordinal

    random = np.random.default_rng(0)
    outputs, targets = random.normal(size=(6, 4)).astype(np.float32), np.array([0, 3, 1, 2, 3, 3])
    task = Ordinal()
    made = task.evaluate(outputs.astype(np.float64), targets)
    shares = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    expected = [
        sum((share[: k + 1].sum() - (k >= target)) ** 2 for k in range(4))
        for share, target in zip(shares, targets, strict=True)
    ]
    assert made.loss == pytest.approx(np.mean(expected), rel=1e-5)
    filled = np.append(targets, -1)
    plain, minimised = task.make_loss(4).sums(np.float32([*outputs, [9, 0, 0, 0]]), filled)
    assert float(plain) == float(minimised) == pytest.approx(sum(expected), rel=1e-5)
    medians = [int(np.searchsorted(np.cumsum(share), 0.5)) for share in shares]
    weights = (np.arange(4)[:, None] - np.arange(4)) ** 2
    seen = np.zeros((4, 4))
    np.add.at(seen, (targets, medians), 1)
    by_chance = np.outer(seen.sum(axis=1), seen.sum(axis=0)) / len(targets)
    kappa = 1.0 - (weights * seen).sum() / (weights * by_chance).sum()
    assert made.scores["kappa"] == pytest.approx(kappa)
    assert [row["label"] for row in task.predictions(outputs, "abcd")] == [
        "abcd"[k] for k in medians
    ]
    assert task.evaluate(np.eye(4)[[1, 1]] * 50, np.array([1, 1])).scores["kappa"] == 0.0
    found = task.baseline(targets, targets, 4)
    assert found.loss == pytest.approx(
        np.mean(
            [
                sum((np.mean(targets <= k) - (k >= target)) ** 2 for k in range(4))
                for target in targets
            ]
        )
    )


def test_options_of_the_example_are_listed_with_their_keys(tuner):
    assert "signSGD" in tuner("--help", "optimizer").stdout
    shown = tuner("--help", "launcher.niceness").stdout
    assert "0 to 19" in shown


BROKEN = """\
from dataclasses import dataclass
from typing import ClassVar

from tuner.optimizers import Optimizer
from tuner.settings.launchers import LauncherSettings


@dataclass(frozen=True, kw_only=True)
class Half(Optimizer):
    name: ClassVar[str] = "half"


@dataclass(frozen=True, kw_only=True)
class Nowhere(LauncherSettings):
    name: ClassVar[str] = "nowhere"
"""


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """A package none of whose classes can be used."""
    monkeypatch.syspath_prepend(tmp_path / "site")
    targets = {
        "tuner.optimizers": {"half": "their_parts:Half"},
        "tuner.launchers": {"nowhere": "their_parts:Nowhere"},
        "tuner.schedules": {"cosine": "their_parts:Cosine", "gone": "their_parts:Gone"},
    }
    install_package(tmp_path / "site", "their-parts", targets, BROKEN)
    plugins.plug_ins.cache_clear()
    yield
    plugins.plug_ins.cache_clear()
    sys.modules.pop("their_parts", None)


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("optimizer=half", ["Half", "make_kernel", "slots", "uninstall"]),
        ("launcher=nowhere", ["Nowhere", "make", "uninstall"]),
        ("schedule=gone", ["their_parts:Gone", "AttributeError", "uninstall"]),
        ("schedule=cosine", ["by tuner and by", "uninstall"]),
    ],
)
def test_what_cannot_be_used_ends_with_2_and_its_package(folder, broken, capsys, override, parts):
    assert main([*OWN, override]) == 2
    shown = capsys.readouterr().err
    for part in ("their-parts 1.0", *parts):
        assert part in shown
    assert not (folder / "outputs").exists()


def test_what_cannot_be_used_is_listed_with_the_reason_and_hides_nothing_else(broken, capsys):
    assert main(["--help", "optimizer"]) == 0
    shown = capsys.readouterr().out
    assert "half" in shown
    assert "their-parts 1.0" in shown
    assert main(["--help", "optimizer.nesterov"]) == 0
    assert "nesterov" in capsys.readouterr().out


def test_the_page_shows_code_as_it_is():
    page = (ROOT / "docs" / "extending.md").read_text()
    files = [*(ROOT / "examples").rglob("*.*"), *(ROOT / "tuner").rglob("*.py")]
    sources = [path.read_text() for path in files if path.suffix in (".py", ".toml")]
    blocks = re.findall(r"```(?:python|toml)\n(.*?)```", page, re.DOTALL)
    assert blocks
    assert [block for block in blocks if not any(block in source for source in sources)] == []
