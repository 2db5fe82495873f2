"""Studies in a journal: several agents, and every command that reads one."""

import pytest

from benchmarks.agents import measure
from tests.agents import Agents, arguments, write_folder
from tuner.__main__ import main
from tuner.study.journal import journal_url


@pytest.mark.parametrize(
    ("agents", "trials", "kill"), [(3, 30, 1), pytest.param(8, 2000, 3, marks=pytest.mark.slow)]
)
def test_the_total_holds_though_agents_are_killed(tmp_path, agents, trials, kill):
    url = journal_url(tmp_path / "study.journal")
    assert measure(url, agents=agents, slots=2, trials=trials, kill=kill) == []


def test_whatever_reads_a_study_reads_a_journal(tmp_path, mlflow_uri, monkeypatch, capsys):
    write_folder(tmp_path, "quick")
    storage = "storage=journal"
    words = arguments("quick", storage, "sweep.n_trials=4", "tracking.plots=true")
    agents = Agents(tmp_path, mlflow_uri, words)
    try:
        assert agents.finish(agents.start()) == 0, agents.printed()
    finally:
        agents.close()
    monkeypatch.chdir(tmp_path)
    study = tmp_path / "outputs" / "mine"
    assert not (study / "study.db").exists()
    assert not (study / "study.journal.agents").exists()
    assert list((study / "plots").glob("*.html"))
    assert main(["report", "sweep=mine", storage]) == 0
    assert "rank  trial  val_accuracy" in capsys.readouterr().out
    assert main(["export", "sweep=mine", storage]) == 0
    assert "learning_rate" in capsys.readouterr().out
    main(["doctor", *words])
    assert "study.journal can be written" in capsys.readouterr().out.replace("\n", "")
