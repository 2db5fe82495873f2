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


def test_every_model_and_length_of_the_space_is_prepared(folder, capsys):
    space = "  model.max_length: choice(16, 24)\n"
    (folder / "sweeps/lengths.yaml").write_text(
        f"name: lengths\noverrides: [model.max_length=24]\nspace:\n{space}"
    )
    kept = [word for word in OWN if not word.startswith(("sweep=", "model.max_length="))]
    assert main(["prepare", "sweep=lengths", *kept]) == 0
    assert capsys.readouterr().out.count("60 training rows") == 2


def test_a_sweep_is_not_required_and_wrong_data_is_told(folder, capsys):
    words = [word for word in OWN if not word.startswith("sweep=")]
    assert main(["prepare", *words]) == 0
    assert main(["prepare", *words, "data.train=nothing.csv"]) == 2
    assert "there is no file nothing.csv" in capsys.readouterr().err
