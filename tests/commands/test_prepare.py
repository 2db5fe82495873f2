"""After `prepare` a sweep finds everything without its sources being read or fetched again."""

from tests.commands.conftest import OWN
from tuner.__main__ import main


def test_what_was_prepared_is_not_made_again(folder, capsys):
    assert main(["prepare", *OWN]) == 0
    printed = capsys.readouterr().out
    assert "60 training rows, 40 validation rows" in printed
    assert f"model         tiny: {folder / 'tiny'}" in printed
    assert f"tokenised     {folder / 'cache'}" in printed
    made = {path: path.stat().st_mtime_ns for path in (folder / "cache").rglob("*.npy")}
    assert made
    assert main(["prepare", *OWN]) == 0
    assert {p: p.stat().st_mtime_ns for p in (folder / "cache").rglob("*.npy")} == made
    assert not (folder / "outputs").exists()


def test_every_data_set_of_the_space_is_prepared(folder, capsys):
    assert main(["prepare", *OWN, "data.train_examples=20,30"]) == 0
    printed = capsys.readouterr().out
    assert "20 training rows" in printed
    assert "30 training rows" in printed


def test_a_sweep_is_not_required_and_wrong_data_is_told(folder, capsys):
    words = [word for word in OWN if not word.startswith("sweep=")]
    assert main(["prepare", *words]) == 0
    assert main(["prepare", *words, "data.train=nothing.csv"]) == 2
    assert "there is no file nothing.csv" in capsys.readouterr().err
