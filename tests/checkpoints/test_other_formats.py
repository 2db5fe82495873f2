"""Folders that are no checkpoints: what is wrong, and what helps."""

import json
import os
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.tiny_checkpoints import MODEL_TYPES, write_checkpoint
from tuner.checkpoints import inspect
from tuner.checkpoints.tokenizer_files import PYTHON_ALONE
from tuner.errors import InputError

WEIGHTS = "model.safetensors"


@pytest.fixture
def folder(tmp_path):
    return write_checkpoint(tmp_path / "it's a model")


def refusal(folder):
    with pytest.raises(InputError) as refused:
        inspect(folder)
    return refused.value


def edit(path, **changes):
    content = {**(json.loads(path.read_text()) if path.exists() else {}), **changes}
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not None}))


@pytest.mark.parametrize(
    ("name", "problem", "remedy"),
    [
        ("pytorch_model.bin", "not read", "torch.load"),
        ("pytorch_model-00001-of-00002.bin", "index", "pytorch_model-00001-of-00002.bin"),
        ("pytorch_model.fp16.bin", "another name", "pytorch_model.bin"),
        ("best.pth", "another name", "cp "),
        ("tf_model.h5", "TensorFlow's", "from_tf=True"),
        ("flax_model.msgpack", "Flax's", "from_flax=True"),
        ("model-q4.gguf", "GGUF", "the checkpoint that it was made from"),
        ("model.onnx", "compiled", "the checkpoint that it was made from"),
        ("bert.weights.h5", "Keras", "Hugging Face format"),
        ("model.fp16.safetensors", "another name", "cp "),
        ("model-00001-of-00002.safetensors", "index", "model-00001-of-00002.safetensors"),
    ],
)
def test_weights_in_another_format_are_named(folder, name, problem, remedy):
    (folder / WEIGHTS).rename(folder / name)
    (folder / "optimizer.pt").write_bytes(b"of the Trainer")
    error = refusal(folder)
    assert name in error.problem
    assert problem in error.problem
    assert remedy in error.remedy or remedy in error.problem


def test_without_any_weights_the_file_is_named(folder):
    (folder / WEIGHTS).unlink()
    (folder / "optimizer.pt").write_bytes(b"of the Trainer")
    assert WEIGHTS in refusal(folder).problem


@pytest.mark.parametrize("with_config", [False, True])
def test_an_adapter_names_its_base(folder, with_config):
    (folder / WEIGHTS).rename(folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": "org/base"})
    )
    if not with_config:
        (folder / "config.json").unlink()
    error = refusal(folder)
    assert "adapter" in error.problem
    assert "model.checkpoint=org/base" in error.remedy
    (folder / "adapter_config.json").write_text("{")
    assert "adapter" in refusal(folder).problem


def test_gguf_alone_is_named(tmp_path):
    (tmp_path / "model-q8.gguf").write_bytes(b"GGUF")
    assert "llama.cpp" in refusal(tmp_path).problem


def test_original_bert_is_named(tmp_path):
    (tmp_path / "bert_config.json").write_text("{}")
    (tmp_path / "bert_model.ckpt.index").write_bytes(b"")
    assert "TensorFlow 1" in refusal(tmp_path).problem


def test_a_sentence_transformer_s_encoder_can_be_given(tmp_path):
    write_checkpoint(tmp_path / "0_Transformer")
    (tmp_path / "1_Pooling").mkdir()
    edit(tmp_path / "1_Pooling" / "config.json", pooling_mode_mean_tokens=True)
    modules = [{"path": "0_Transformer"}, {"path": "1_Pooling"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    error = refusal(tmp_path)
    assert "sentence-transformers" in error.problem
    key, _, value = error.remedy.partition("=")
    assert key == "model.checkpoint"
    assert inspect(tmp_path / value).family.name == "bert"


def test_a_sentence_transformer_with_the_encoder_at_its_root_is_taken(folder):
    (folder / "modules.json").write_text(json.dumps([{"path": ""}, {"path": "1_Pooling"}]))
    assert inspect(folder).family.name == "bert"


def test_a_checkpoint_below_is_named(tmp_path):
    write_checkpoint(tmp_path / "snapshots" / "0123abcd")
    error = refusal(tmp_path)
    assert "below" in error.problem
    assert inspect(type(tmp_path)(error.remedy.partition("=")[2])).family.name == "bert"


@pytest.mark.parametrize("content", ["{", "[]", "[3]", '[{"path": "../.."}]', '[{"path": 3}]'])
def test_a_malformed_list_of_modules_says_nothing(tmp_path, content):
    (tmp_path / "modules.json").write_text(content)
    assert "config.json" in refusal(tmp_path).problem


@pytest.mark.parametrize("model_type", MODEL_TYPES)
@pytest.mark.parametrize("named", [False, True])
def test_a_missing_model_type_is_found_and_its_remedy_works(tmp_path, model_type, named):
    folder = write_checkpoint(tmp_path, model_type)
    edit(folder / "config.json", model_type=None, **({} if named else {"architectures": None}))
    error = refusal(folder)
    assert "model_type" in error.problem
    line, _, _ = error.remedy.partition(" in config.json")
    edit(folder / "config.json", **json.loads(f"{{{line}}}"))
    unnamed = {"xlm-roberta": "roberta", "camembert": "roberta"}  # Their tensors tell nothing.
    likely = model_type if named else unnamed.get(model_type, model_type)
    assert inspect(folder).family.name == likely


def test_a_missing_model_type_of_tensors_without_prefix(folder):
    tensors = load_file(folder / WEIGHTS)
    save_file({k.removeprefix("bert."): v for k, v in tensors.items()}, folder / WEIGHTS)
    edit(folder / "config.json", model_type=None, architectures=[3])
    assert '"model_type": "bert"' in refusal(folder).remedy
    save_file({"other": np.zeros(1)}, folder / WEIGHTS)
    assert "one of albert, bert" in refusal(folder).remedy


@pytest.mark.parametrize("kind", ["relative_key", "relative_key_query"])
def test_relative_positions_are_refused_with_another_checkpoint(folder, kind):
    edit(folder / "config.json", position_embedding_type=kind)
    error = refusal(folder)
    assert kind in error.problem
    assert "position_embedding_type" in error.where
    assert "model=bert_base" in error.remedy


@pytest.mark.parametrize("file", ["tokenizer_config.json", "config.json"])
@pytest.mark.parametrize("kind", PYTHON_ALONE)
def test_a_tokenizer_without_a_fast_form_is_named(folder, file, kind):
    (folder / "tokenizer_config.json").unlink()
    edit(folder / file, tokenizer_class=kind)
    assert inspect(folder).family.name == "bert"  # With tokenizer.json the class does not matter.
    (folder / "tokenizer.json").unlink()
    error = refusal(folder)
    assert kind in error.problem
    assert "tokenizer.json" in error.remedy
    assert file in error.where


def test_a_tokenizer_of_the_checkpoint_s_own_code_is_refused(folder):
    (folder / "tokenizer.json").unlink()
    path = folder / "tokenizer_config.json"
    edit(path, auto_map={"AutoTokenizer": ["tokenizer.Mine", None]}, tokenizer_class="Mine")
    assert "not run" in refusal(folder).problem
    edit(path, tokenizer_class="BertTokenizer")
    assert inspect(folder).family.name == "bert"


def test_a_missing_tokenizer_names_a_command(folder):
    for name in ("tokenizer.json", "vocab.txt"):
        (folder / name).unlink()
    edit(folder / "config.json", _name_or_path="org/base")
    assert 'from_pretrained("org/base")' in refusal(folder).remedy


@pytest.mark.parametrize("name", [WEIGHTS, "tokenizer.json", "vocab.txt"])
def test_a_pointer_of_git_lfs_is_named(folder, name):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    (folder / name).write_text(pointer)
    error = refusal(folder)
    assert "Git LFS" in error.problem
    assert name in error.problem
    assert "lfs pull" in error.remedy


def test_a_folder_of_the_trainer_s_checkpoints_names_the_last(tmp_path):
    for number, step in enumerate((500, 1000)):
        made = write_checkpoint(tmp_path / f"checkpoint-{step}")
        (made / "config.json").touch()
        os.utime(made / "config.json", (number, number))
    shutil.copy(tmp_path / "checkpoint-500" / "config.json", tmp_path / "trainer_state.json")
    error = refusal(tmp_path)
    assert "checkpoint-1000" in error.remedy
    assert "2 such folders" in error.remedy
