import pytest

from tuner.config import compose_doctor
from tuner.errors import InputError


def test_a_sweep_is_not_required(tmp_path):
    look = compose_doctor(["model=bert_base", "training.precision=mixed_bfloat16"], tmp_path)
    [trial] = look.trials
    assert trial.model.checkpoint == "google-bert/bert-base-uncased"
    assert trial.training.precision == "mixed_bfloat16"
    assert look.agent.output == "outputs"


def test_of_a_sweep_every_model_that_it_may_meet_is_looked_at(tmp_path):
    look = compose_doctor(["sweep=lr_search", "model=choice(minilm,distilbert)"], tmp_path)
    assert {trial.model.checkpoint for trial in look.trials} == {
        "sentence-transformers/all-MiniLM-L6-v2",
        "distilbert/distilbert-base-uncased",
    }
    assert look.agent.study_name == "lr_search"


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("training.batch_size=8,16", "no sweep is named"),
        ("training.batchsize=8", "training.batch_size"),
        ("modle=minilm", "model"),
        ("sweep=nope", "lr_search"),
        ("sweep.n_trials=3", "sweep"),
        ("training.epochs=0", "above 0"),
    ],
)
def test_what_can_not_be_right_is_refused(tmp_path, argument, expected):
    with pytest.raises(InputError) as refused:
        compose_doctor([argument], tmp_path)
    assert expected in str(refused.value)
