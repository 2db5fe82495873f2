"""What another program left where a sweep would keep its study."""

import sqlite3
from contextlib import closing

import optuna

from tests.commands.conftest import OWN
from tuner.__main__ import main


def test_a_database_of_another_program_is_refused(folder, fake_workers, capsys):
    place = folder / "outputs" / "mine"
    place.mkdir(parents=True)
    with closing(sqlite3.connect(place / "study.db")) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    before = (place / "study.db").read_bytes()
    assert main(OWN) == 2
    assert "bookmarks" in capsys.readouterr().err
    assert (place / "study.db").read_bytes() == before


def test_a_study_of_another_program_is_refused_and_the_remedy_works(folder, fake_workers, capsys):
    url = f"sqlite:///{folder / 'shared.db'}"
    theirs = optuna.create_study(study_name="mine", storage=url, direction="minimize")
    theirs.ask()
    words = [*OWN, f"storage.url={url}", "sweep.n_trials=1"]
    assert main([*words, "study=mine"]) == 2
    told = capsys.readouterr().err
    assert "study=mine-2" in told
    assert len(theirs.trials) == 1
    assert main([*words, "study=mine-2"]) == 0
