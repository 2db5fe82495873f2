"""The process of a job, without a Slurm; tests/cluster has a real one."""

import pytest

pytest.importorskip("submitit", reason="submitit is not installed")

from tuner.launchers.slurm.job import AgentRun


def test_a_job_whose_node_lacks_the_package_of_a_plug_in_ends_with_its_name(tmp_path, capsys):
    run = AgentRun(("sweep=mine",), tmp_path, ("false",), {"their-optimizers": "1.0"})
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 2
    assert "their-optimizers" in capsys.readouterr().err
