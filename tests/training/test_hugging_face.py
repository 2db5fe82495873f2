"""A model that was written is the one that was trained, by its tensors and by what it computes."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.tiny_checkpoints import MODEL_TYPES, write_checkpoint
from tests.training.references import write_tiny
from tuner.checkpoints import inspect
from tuner.errors import InputError
from tuner.tasks import Classification

pytestmark = pytest.mark.tf

LABELS = ("awful", "plain", "wonderful")


def loaded(folder):
    from tuner.training.hugging_face import load_head
    from tuner.training.model import Classifier

    classifier = Classifier(inspect(folder), len(LABELS))
    load_head(classifier, inspect(folder))
    return classifier


def written(classifier, source, folder):
    from tuner.training.hugging_face import save_model

    save_model(folder, classifier, inspect(source), Classification(), LABELS, max_length=48)
    return folder


@pytest.mark.parametrize(
    "name",
    [
        *MODEL_TYPES, "bert three types", "roberta pad 0", "roberta pad 4", "xlm-roberta pad 0",
    ],
)  # fmt: skip
def test_what_was_loaded_is_written_again(name, tmp_path):
    source = write_tiny(tmp_path / "source", name)
    classifier = loaded(source)
    folder = written(classifier, source, tmp_path / "model")
    before, after = (
        load_file(source / "model.safetensors"),
        load_file(folder / "model.safetensors"),
    )
    assert set(after) == set(before)
    for key in before:
        np.testing.assert_array_equal(after[key], before[key], err_msg=key)
    again = loaded(folder)
    for one, other in zip(classifier.values, again.values, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_the_configuration_names_the_task_and_the_labels(tmp_path):
    source = write_checkpoint(tmp_path / "source", "distilbert", labels=LABELS)
    folder = written(loaded(source), source, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == ["DistilBertForSequenceClassification"]
    assert config["id2label"] == {"0": "awful", "1": "plain", "2": "wonderful"}
    assert config["label2id"] == {"awful": 0, "plain": 1, "wonderful": 2}
    assert config["dim"] == json.loads((source / "config.json").read_text())["dim"]


def test_the_configuration_has_what_decides_the_logits_and_nothing_else(tmp_path):
    source = write_checkpoint(tmp_path / "source", "albert", labels=LABELS)
    path = source / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    stray = {
        "chunk_size_feed_forward": 4, "return_dict": False, "tokenizer_class": "BertTokenizer",
        "_attn_implementation": "flash_attention_2", "initializer_range": "wide",
        "output_attentions": True, "torchscript": True, "num_labels": 7,
    }  # fmt: skip
    defaults = ("layer_norm_eps", "hidden_act", "pad_token_id")
    config = {key: value for key, value in config.items() if key not in defaults}
    path.write_text(json.dumps(config | stray), encoding="utf-8")
    folder = written(loaded(source), source, tmp_path / "model")
    exported = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert not exported.keys() & stray.keys()
    assert {key: exported[key] for key in defaults} == {
        "layer_norm_eps": 1e-12, "hidden_act": "gelu_new", "pad_token_id": 0,
    }  # fmt: skip
    assert exported["type_vocab_size"] == config["type_vocab_size"]
    assert exported["num_hidden_groups"] == config["num_hidden_groups"]


def test_a_pooler_that_the_checkpoint_lacked_and_names_without_prefix(tmp_path):
    from tuner.training.model import Classifier

    source = write_checkpoint(tmp_path / "source")
    path = source / "model.safetensors"
    plain = {name.removeprefix("bert."): value for name, value in load_file(path).items()}
    save_file({name: v for name, v in plain.items() if "pooler" not in name}, path)
    classifier = Classifier(inspect(source), len(LABELS))
    classifier.reset(seed=3, dropout=0.1)
    folder = written(classifier, source, tmp_path / "model")
    for one, other in zip(classifier.values, loaded(folder).values, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_the_tokenizer_is_the_one_that_was_trained_with(model_type, tmp_path):
    from tokenizers import Tokenizer

    from tuner.data.checkpoint_tokenizer import load_tokenizer

    source = write_checkpoint(tmp_path / "source", model_type, labels=LABELS)
    asked = Tokenizer.from_file(str(source / "tokenizer.json"))
    asked.enable_padding(length=32)
    asked.enable_truncation(8)
    asked.save(str(source / "tokenizer.json"))
    folder = written(loaded(source), source, tmp_path / "model")
    text = "the director is quite brilliant and the ending was very very dreadful"
    ours = load_tokenizer(inspect(source)).backend.encode(text)
    stored = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert stored.encode(text).ids == ours.ids
    assert len(ours.ids) > 8
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    assert settings["model_max_length"] == 48


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_weights_of_every_type_are_read_as_float32(dtype, tmp_path):
    source = write_checkpoint(tmp_path, labels=LABELS)
    path = source / "model.safetensors"
    rounded = {name: value.astype(np.dtype(dtype)) for name, value in load_file(path).items()}
    save_file({name: value.astype(np.float32) for name, value in rounded.items()}, path)
    expected = loaded(source)
    save_file(rounded, path)
    for one, other in zip(expected.values, loaded(source).values, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_a_head_that_is_not_finite_is_refused(value, tmp_path):
    source = write_checkpoint(tmp_path, labels=LABELS)
    path = source / "model.safetensors"
    tensors = {name: tensor.astype(np.float16) for name, tensor in load_file(path).items()}
    tensors["classifier.weight"][1, 2] = value
    save_file(tensors, path)
    with pytest.raises(InputError, match=r"classifier\.weight holds NaN"):
        loaded(source)
