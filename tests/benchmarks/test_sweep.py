import pytest

from benchmarks.sweep_figures import standard_error, verdict
from benchmarks.sweep_task import Task, read_rows, read_task, write_rows

TASK = Task(
    checkpoint="model",
    train="train.csv",
    validation="validation.csv",
    rows=100,
    max_length=128,
    learning_rate=(1e-6, 1e-3),
    schedules=("linear", "constant"),
    warmup_fraction=(0.0, 0.3),
    trials=8,
    epochs=2,
    points=4,
    batch=16,
    weight_decay=0.01,
    clip_norm=1.0,
    seed=1,
    cores=2,
)


def judged(*, ours=(50.0, 0.80), quick=(100.0, 0.80), slow=(300.0, 0.90)):
    sides = {"ours": ours, "quick": quick, "slow": slow}
    walls = {name: [wall] for name, (wall, _) in sides.items()}
    scores = {name: [score] for name, (_, score) in sides.items()}
    return verdict(walls, scores, ours="ours", rows=100)


def test_half_the_time_of_the_fastest_at_the_same_score_is_the_goal():
    assert "takes 0.50 of its time" in judged()
    assert "+0.0000 against it (goal: no less): met" in judged()
    assert "slow; ours against it -0.1000" in judged()


@pytest.mark.parametrize("ours", [(51.0, 0.80), (10.0, 0.79)])
def test_slower_or_worse_misses_it(ours):
    assert "missed" in judged(ours=ours)


def test_the_error_of_an_accuracy():
    assert standard_error(0.5, 100) == 0.05


def test_updates_of_the_budget_and_between_points():
    assert TASK.updates == 14  # two epochs of seven batches, the last of them short
    assert TASK.updates_between == 4


def test_the_sides_read_what_was_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    TASK.write(tmp_path)
    assert read_task() == TASK
    texts = ['a "quoted", text', "two\nlines"]
    write_rows(tmp_path / "train.csv", texts, ["1", "0"])
    assert read_rows("train.csv") == (texts, [1, 0])
