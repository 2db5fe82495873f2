"""Messages and refusals of launcher=slurm without a Slurm; tests/cluster has a real one."""

import sys

import pytest

from tests.commands.conftest import OWN
from tuner.__main__ import main

pytest.importorskip("submitit", reason="submitit is not installed")

SLURM = [*OWN, "launcher=slurm", "storage.url=sqlite:///study.db"]


def test_the_batch_script_is_printed_and_nothing_is_left_behind(folder, capsys):
    before = set(folder.rglob("*"))
    code = main(
        [
            *SLURM, "launcher.dry_run=true", "launcher.agents=4", "launcher.partition=gpu",
            "launcher.account=me", "launcher.gpus_per_node=2", "launcher.cpus_per_node=8",
            "launcher.memory=64G", "launcher.time_limit=90", "launcher.constraint=a100",
            "+launcher.options.qos=high", "launcher.setup=[module load cuda]",
        ]
    )  # fmt: skip
    assert code == 0
    script = capsys.readouterr().out
    for option in (
        "account=me", "array=0-3%4", "constraint=a100", "cpus-per-task=8", "gpus-per-node=2",
        "job-name=tuner-mine", "mem=64G", "nodes=1", "ntasks-per-node=1", "open-mode=append",
        "partition=gpu", "qos=high", "requeue", "signal=USR2@120", "time=90",
    ):  # fmt: skip
        assert f"#SBATCH --{option}\n" in script
    assert script.index("module load cuda\n") < script.index("srun --unbuffered")
    assert "--cpus-per-task 8" in script
    assert set(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["storage.url=null"], "storage=journal"),
        (["sweep.dry_run=true"], "launcher.dry_run=true prints the batch script"),
        (["launcher.options={time: 5}"], "time: launcher.time_limit"),
        (["storage.url=postgresql://me:secret@host/db", "study=a"], "PGPASSWORD"),
        (["study=a%j"], "without %"),
    ],
)
def test_what_can_not_go_well_is_refused(folder, capsys, more, message):
    assert main([*SLURM, *more]) == 2
    assert message in capsys.readouterr().err


def test_without_submitit_the_extra_is_named(folder, capsys, monkeypatch):
    ours = ("tuner.orchestration.agents", "tuner.orchestration.following", "tuner.launchers.slurm")
    for name in [name for name in sys.modules if name.startswith((*ours, "submitit"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("tuner.orchestration.agents", raising=False)
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert main(SLURM) == 2
    assert "'submitit>=1.5.3'" in capsys.readouterr().err


def test_a_machine_without_slurm_is_told_where_to_go(folder, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(SLURM) == 2
    assert "a login node of the cluster" in capsys.readouterr().err
