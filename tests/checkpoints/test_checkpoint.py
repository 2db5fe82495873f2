import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.tiny_checkpoints import COUNTED, MODEL_TYPES, write_checkpoint
from tuner.checkpoints import content, inspect, locate
from tuner.checkpoints.info import check_length
from tuner.checkpoints.other_formats import WEIGHTS as SINGLE
from tuner.errors import InputError
from tuner.settings.settings import ModelSettings, PackagedFiles


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path):
    return write_checkpoint(tmp_path / "model")


def package(tmp_path, monkeypatch, sha256=None):
    """A package `carrier` on the import path whose code fails when it runs."""
    root = tmp_path / "site" / "carrier"
    write_checkpoint(root / "files" / "model")
    (root / "__init__.py").write_text("raise AssertionError('imported')")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return PackagedFiles(name="carrier", path="files/model", sha256=sha256)


def edit_config(folder, **changes):
    path = folder / "config.json"
    config = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in config.items() if v is not None}))


class TestInspect:
    @pytest.mark.parametrize("model_type", MODEL_TYPES)
    def test_reads_every_supported_architecture(self, tmp_path, model_type):
        written = write_checkpoint(tmp_path, model_type, hidden=16, layers=3, positions=40)
        info = inspect(written)
        family, shape = info.family, info.family.shape
        assert family.name == model_type
        assert (shape.hidden, shape.layers, family.max_positions) == (16, 3, 40)
        assert family.pad_token_id == (1 if model_type in COUNTED else 0)
        assert [file.name for file in info.weight_files] == ["model.safetensors"]

    def test_fingerprint_follows_the_content(self, tmp_path):
        first = inspect(write_checkpoint(tmp_path / "a", seed=1))
        same = inspect(write_checkpoint(tmp_path / "b", seed=1))
        other = inspect(write_checkpoint(tmp_path / "c", seed=2))
        assert first.fingerprint == same.fingerprint != other.fingerprint

    def test_reads_weights_in_several_files(self, folder):
        tensors = load_file(folder / "model.safetensors")
        names = sorted(tensors)
        (folder / "model.safetensors").unlink()
        index = {}
        for number, part in enumerate((names[::2], names[1::2])):
            file = f"model-{number}.safetensors"
            save_file({name: tensors[name] for name in part}, folder / file)
            index |= dict.fromkeys(part, file)
        path = folder / "model.safetensors.index.json"
        path.write_text(json.dumps({"weight_map": index}))
        assert len(inspect(folder).weight_files) == 2
        (folder / "model-1.safetensors").unlink()
        with pytest.raises(InputError, match=r"missing: model-1\.safetensors"):
            inspect(folder)

    def test_refuses_a_folder_without_configuration(self, tmp_path):
        with pytest.raises(InputError, match=r"no config\.json"):
            inspect(tmp_path)

    def test_refuses_malformed_configuration(self, folder):
        (folder / "config.json").write_text("{")
        with pytest.raises(InputError, match=r"config\.json cannot be read: Expecting"):
            inspect(folder)

    @pytest.mark.parametrize("model_type", ["gpt2", 3])
    def test_refuses_other_architectures_and_lists_those_it_knows(self, folder, model_type):
        edit_config(folder, model_type=model_type)
        with pytest.raises(InputError) as refused:
            inspect(folder)
        assert repr(model_type) in refused.value.problem
        assert "model_type" in refused.value.where
        assert {"albert", "bert", "roberta"} < set(re.split("[ ,]+", refused.value.remedy))

    @pytest.mark.parametrize("value", ["wide", True, 0])
    def test_refuses_sizes_that_are_no_sizes(self, folder, value):
        edit_config(folder, hidden_size=value)
        with pytest.raises(InputError, match="hidden_size is"):
            inspect(folder)

    def test_refuses_a_folder_without_weights(self, folder):
        (folder / "model.safetensors").unlink()
        with pytest.raises(InputError, match=r"no weights[^$]*model\.safetensors is missing"):
            inspect(folder)
        (folder / "pytorch_model.bin").write_bytes(b"pickle")
        with pytest.raises(InputError, match=r"pytorch_model\.bin is not read[^$]*convert"):
            inspect(folder)

    @pytest.mark.parametrize("keep", [0, 5, 100, -1])
    def test_refuses_weights_that_are_cut_off(self, folder, keep):
        path = folder / "model.safetensors"
        path.write_bytes(path.read_bytes()[:keep])
        with pytest.raises(InputError, match="cut off"):
            inspect(folder)

    def test_refuses_weights_of_something_else(self, folder):
        save_file({"wte.weight": np.zeros((2, 2))}, folder / "model.safetensors")
        with pytest.raises(InputError, match="no token embedding"):
            inspect(folder)

    def test_refuses_configuration_and_weights_that_disagree(self, folder):
        edit_config(folder, vocab_size=7)
        with pytest.raises(InputError, match="vocab_size 7, the weights have 98"):
            inspect(folder)

    def test_refuses_a_folder_without_tokenizer(self, folder):
        for name in ("tokenizer.json", "vocab.txt"):
            (folder / name).unlink()
        with pytest.raises(InputError, match="no tokenizer"):
            inspect(folder)

    @pytest.mark.parametrize("model_type", ["bert", "roberta"])
    def test_length_is_held_against_usable_positions(self, tmp_path, model_type):
        info = inspect(write_checkpoint(tmp_path, model_type, positions=40))
        check_length(info, 40, 2)
        with pytest.raises(InputError, match=r"at most 40 tokens[^$]*model\.max_length=40"):
            check_length(info, 41, 2)
        with pytest.raises(InputError, match="leaves none for text"):
            check_length(info, 2, 2)


class TestLocate:
    def test_takes_a_local_folder(self, folder, monkeypatch):
        monkeypatch.chdir(folder.parent)
        assert locate(ModelSettings(checkpoint="model")) == folder

    def test_takes_the_package_first_and_runs_none_of_it(self, tmp_path, folder, monkeypatch):
        carried = package(tmp_path, monkeypatch)
        found = locate(ModelSettings(checkpoint=str(folder), package=carried))
        assert found == tmp_path / "site" / "carrier" / "files" / "model"
        assert "carrier" not in sys.modules

    def test_a_package_that_stands_for_another_checkpoint_is_left_alone(
        self, tmp_path, folder, monkeypatch
    ):
        carried = replace(package(tmp_path, monkeypatch), stands_for="some/model")
        assert locate(ModelSettings(checkpoint=str(folder), package=carried)) == folder
        found = locate(ModelSettings(checkpoint="some/model", package=carried))
        assert found != folder
        with pytest.raises(InputError, match="there is no folder /no/where"):
            locate(ModelSettings(checkpoint="/no/where", package=carried))

    def test_goes_on_to_the_folder_when_the_package_is_missing(self, folder):
        absent = PackagedFiles(name="no_such_package", path="x")
        assert locate(ModelSettings(checkpoint=str(folder), package=absent)) == folder

    def test_verifies_the_hash(self, tmp_path, monkeypatch):
        carried = package(tmp_path, monkeypatch, sha256="0" * 64)
        with pytest.raises(InputError, match=r"its sha256 is [0-9a-f]{64}, not 0000"):
            locate(ModelSettings(checkpoint="any/thing", package=carried))

    def test_refuses_a_package_without_the_files(self, tmp_path, monkeypatch):
        carried = package(tmp_path, monkeypatch)
        (tmp_path / "site" / "carrier" / "files" / "model" / "model.safetensors").unlink()
        with pytest.raises(InputError, match="has no file files/model"):
            locate(ModelSettings(checkpoint="any/thing", package=carried))

    @pytest.mark.parametrize("checkpoint", ["./missing", "/no/such/folder", "a/b/c", "~/nope"])
    def test_refuses_a_path_that_is_no_folder(self, checkpoint):
        with pytest.raises(InputError, match="there is no folder"):
            locate(ModelSettings(checkpoint=checkpoint))

    def test_a_mistyped_folder_is_answered_by_its_neighbour(self, tmp_path):
        (tmp_path / "my_model").mkdir()
        with pytest.raises(InputError) as refused:
            locate(ModelSettings(checkpoint=str(tmp_path / "my_modle")))
        assert refused.value.remedy == f"model.checkpoint={tmp_path / 'my_model'}"

    @pytest.mark.parametrize("checkpoint", ["???", ""])
    def test_refuses_no_checkpoint(self, checkpoint):
        with pytest.raises(InputError, match="no checkpoint is given"):
            locate(ModelSettings(checkpoint=checkpoint))

    def test_offline_it_says_what_would_bring_the_model(self, tmp_path):
        code = (
            "from tuner.checkpoints import locate\n"
            "from tuner.settings.settings import ModelSettings, PackagedFiles\n"
            "from tuner.errors import InputError\n"
            "for package in (None, PackagedFiles(name='no_such_package', path='x')):\n"
            "    try: locate(ModelSettings(checkpoint='some/model', package=package))\n"
            "    except InputError as error: print(error)\n"
        )
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        assert done.stdout.count("the hub cannot be reached") == 2, done
        assert "download some/model" in done.stdout
        assert re.search("pip install .*no-such-package, which brings it", done.stdout)


class TestHashes:
    @pytest.fixture
    def big(self, tmp_path, monkeypatch):
        monkeypatch.setattr(content, "REMEMBER_BYTES", 4)
        path = tmp_path / "big"
        path.write_bytes(b"first")
        os.utime(path, (0, 0))
        return path

    def test_a_big_file_is_read_once(self, big, monkeypatch):
        first = content.file_hash(big)
        monkeypatch.setattr(content, "_digest", lambda _: pytest.fail("read again"))
        assert content.file_hash(big) == first

    def test_a_changed_file_is_read_again(self, big):
        first = content.file_hash(big)
        big.write_bytes(b"other")
        os.utime(big, (0, 0))
        assert content.file_hash(big) != first

    def test_what_changed_just_now_is_not_remembered(self, big, cache):
        os.utime(big, (time.time(), time.time()))
        content.file_hash(big)
        assert not (cache / "hashes").exists()

    def test_an_unwritable_cache_is_no_error(self, big, cache):
        cache.write_text("a file where the folder should be")
        assert content.file_hash(big) == content.file_hash(big)

    def test_the_cache_folder_follows_the_environment(self, tmp_path, monkeypatch):
        assert content.cache_root() == tmp_path / "cache"
        monkeypatch.delenv("TUNER_CACHE")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert content.cache_root() == tmp_path / "tuner"
        monkeypatch.delenv("XDG_CACHE_HOME")
        assert content.cache_root().parts[-2:] == (".cache", "tuner")

    def test_borders_count(self):
        assert content.combined_hash(["ab", "c"]) != content.combined_hash(["a", "bc"])


def edit_weights(folder, change):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


def named(tensors, end):
    return next(name for name in sorted(tensors) if name.endswith(end))


LEARNED = [each for each in MODEL_TYPES if each not in ("deberta-v2", "modernbert")]
"""Families whose positions are learned."""

PARTS = {
    "word_embeddings.weight": [*LEARNED, "deberta-v2"],
    "tok_embeddings.weight": ("modernbert",),
    "position_embeddings.weight": LEARNED,
    "embeddings.token_type_embeddings.weight": ("bert", "albert", "electra"),
    "embeddings.LayerNorm.weight": [*LEARNED, "deberta-v2"],
    "embeddings_project.bias": ("electra",),
    "attention.attn.o.weight": ("mpnet",),
    "relative_attention_bias.weight": ("mpnet",),
    "rel_embeddings.weight": ("deberta-v2",),
    "attention.self.value_proj.bias": ("deberta-v2",),
    "1.attn.Wqkv.weight": ("modernbert",),
    "1.attn_norm.weight": ("modernbert",),
    "final_norm.weight": ("modernbert",),
    "attention.self.query.weight": ("bert", "roberta", "xlm-roberta", "camembert", "electra"),
    "attention.self.value.bias": ("bert", "roberta", "xlm-roberta"),
    "1.output.dense.weight": ("bert", "roberta", "xlm-roberta"),
    "1.attention.q_lin.weight": ("distilbert",),
    "0.ffn.lin2.bias": ("distilbert",),
    "sa_layer_norm.bias": ("distilbert",),
    "attention.dense.weight": ("albert",),
    "embedding_hidden_mapping_in.weight": ("albert",),
    "full_layer_layer_norm.bias": ("albert",),
}
TENSORS = [(part, model_type) for part, types in PARTS.items() for model_type in types]


class TestTensors:
    @pytest.mark.parametrize(("part", "model_type"), TENSORS)
    def test_a_missing_or_changed_one_is_refused(self, tmp_path, part, model_type):
        folder = write_checkpoint(tmp_path, model_type, hidden=8, positions=20)
        whole = load_file(folder / "model.safetensors")
        name = named(whole, part)
        changes = {
            "lacks the tensor": None,
            "config.json": whole[name][:-1],
            "config.json asks": whole[name][None],
            "type I32, which cannot be read": whole[name].astype(np.int32),
            "holds NaN": np.full_like(whole[name], np.nan),
        }
        for problem, tensor in changes.items():
            changed = {key: value for key, value in whole.items() if key != name}
            save_file(changed | ({} if tensor is None else {name: tensor}), folder / SINGLE)
            if tensor is None and part in ("word_embeddings.weight", "tok_embeddings.weight"):
                problem = "no token embedding"  # noqa: PLW2901
            with pytest.raises(InputError, match=problem):
                inspect(folder)

    @pytest.mark.parametrize("model_type", MODEL_TYPES)
    def test_others_are_left_alone(self, tmp_path, model_type):
        folder = write_checkpoint(tmp_path, model_type, hidden=8)
        edit_weights(folder, lambda tensors: tensors.update(other=np.full((3, 3), np.nan)))
        assert inspect(folder).family.shape.hidden == 8

    def test_token_types_of_a_roberta_may_be_missing_but_not_wrong(self, tmp_path):
        folder = write_checkpoint(tmp_path, "roberta", hidden=8)
        types = "roberta.embeddings.token_type_embeddings.weight"
        edit_weights(folder, lambda tensors: tensors.update({types: np.zeros((1, 7))}))
        with pytest.raises(InputError, match=r"asks for \[1, 8\].* is \[1, 7\]"):
            inspect(folder)
        edit_weights(folder, lambda tensors: tensors.pop(types))
        assert inspect(folder).family.shape.hidden == 8

    def test_a_pooler_may_be_missing(self, folder):
        def drop(tensors):
            for name in [name for name in tensors if "pooler" in name]:
                del tensors[name]

        edit_weights(folder, drop)
        assert inspect(folder).family.name == "bert"

    def test_numbers_too_large_for_float32_are_refused(self, folder):
        def enlarge(tensors):
            name = named(tensors, "word_embeddings.weight")
            tensors[name] = np.full(tensors[name].shape, 1e300)

        edit_weights(folder, enlarge)
        with pytest.raises(InputError, match="larger numbers than float32 has"):
            inspect(folder)

    def test_a_note_of_a_file_holds_for_the_tensors_that_were_read(self, folder, monkeypatch):
        def spoil_last_layer(tensors):
            tensors[named(tensors, "layer.1.output.dense.weight")][-1, -1] = np.inf

        edit_weights(folder, spoil_last_layer)
        monkeypatch.setattr(content, "REMEMBER_BYTES", 4)
        edit_config(folder, num_hidden_layers=1)
        inspect(folder)
        edit_config(folder, num_hidden_layers=2)
        with pytest.raises(InputError, match=r"layer\.1\.output\.dense\.weight holds"):
            inspect(folder)


DTYPES = (ml_dtypes.bfloat16, np.float16, np.float32, np.float64)


def write_in(folder, dtype, *, sharded, change=lambda tensors: None):
    """Writes the weights of a checkpoint again, in another type and maybe in two files."""
    tensors = {k: v.astype(dtype) for k, v in load_file(folder / SINGLE).items()}
    change(tensors)
    if not sharded:
        save_file(tensors, folder / SINGLE)
        return
    (folder / SINGLE).unlink()
    files = {name: f"model-{i % 2}.safetensors" for i, name in enumerate(sorted(tensors))}
    for file in set(files.values()):
        save_file({name: tensors[name] for name in files if files[name] == file}, folder / file)
    index = {"weight_map": files}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sharded", [False, True], ids=["one file", "two files"])
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: np.dtype(dtype).name)
class TestNumbers:
    def test_finite_ones_pass_without_a_warning(self, folder, dtype, sharded):
        largest = min(float(ml_dtypes.finfo(dtype).max), float(np.finfo(np.float32).max))

        def set_largest(tensors):
            tensors[named(tensors, "word_embeddings.weight")][0, :2] = largest, -largest

        write_in(folder, dtype, sharded=sharded, change=set_largest)
        assert inspect(folder).family.name == "bert"

    @pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
    def test_others_are_refused_wherever_they_are(self, folder, dtype, sharded, value):
        for part in ("word_embeddings.weight", "layer.1.output.LayerNorm.bias"):

            def spoil(tensors, part=part):
                tensors[named(tensors, part)][..., -1] = value

            copy = write_checkpoint(folder.parent / part)
            write_in(copy, dtype, sharded=sharded, change=spoil)
            with pytest.raises(InputError, match=re.escape(f"{part} holds NaN")) as refused:
                inspect(copy)
            assert ".safetensors" in refused.value.where


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"num_hidden_layers": 10**6}, "num_hidden_layers is 1000000"),
        ({"num_attention_heads": 3}, "3 attention heads do not divide the width 32"),
        ({"num_hidden_groups": 3}, "3 groups do not divide the 2 layers"),
        ({"layer_norm_eps": float("nan")}, "layer_norm_eps is nan"),
        ({"position_embedding_type": "relative_key"}, "only absolute ones"),
        ({"hidden_act": ["gelu"]}, "hidden_act is [gelu]"),
        ({"pad_token_id": 98}, "pad_token_id is 98, which is no token of 74"),
        ({"vocab_size": 2**40}, "vocab_size is 1099511627776"),
    ],
)
def test_refuses_a_configuration_that_can_not_be_built(tmp_path, changes, problem):
    folder = write_checkpoint(tmp_path, "albert")
    edit_config(folder, **changes)
    with pytest.raises(InputError, match=re.escape(problem)):
        inspect(folder)


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd", "a\nb.safetensors", "x"])
def test_an_index_names_files_of_its_folder_alone(folder, name):
    (folder / "model.safetensors").rename(folder / "whole.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(InputError, match="names no files of this folder"):
        inspect(folder)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {}}'])
def test_a_malformed_index_is_refused(folder, text):
    (folder / "model.safetensors").rename(folder / "whole.safetensors")
    (folder / "model.safetensors.index.json").write_text(text)
    with pytest.raises(InputError, match="the weights' index"):
        inspect(folder)


def test_a_whole_file_wins_over_an_index_that_an_earlier_save_left(folder):
    (folder / "model.safetensors.index.json").write_text(
        '{"weight_map": {"a": "gone.safetensors"}}'
    )
    assert [file.name for file in inspect(folder).weight_files] == ["model.safetensors"]


@pytest.mark.parametrize(
    ("model_type", "field", "value"),
    [
        ("bert", "is_decoder", True),
        ("roberta", "add_cross_attention", True),
        ("albert", "is_encoder_decoder", True),
        ("bert", "pruned_heads", {"0": [1]}),
        ("bert", "per_layer_config", {"0": {"num_attention_heads": 1}}),
        ("xlm-roberta", "quantization_config", {"load_in_8bit": True}),
        ("bert", "transformers_weights", "other.safetensors"),
        ("distilbert", "num_attention_heads", 1),
    ],
)
def test_a_field_that_makes_another_model_is_refused_by_name(tmp_path, model_type, field, value):
    folder = write_checkpoint(tmp_path, model_type)
    edit_config(folder, **{field: value})
    with pytest.raises(InputError) as caught:
        inspect(folder)
    assert field in caught.value.problem
    assert field in caught.value.where
    assert f"remove {field}" in caught.value.remedy


@pytest.mark.parametrize(
    "changes",
    [
        {"is_decoder": False, "pruned_heads": {}, "add_cross_attention": False},
        {"auto_map": {"AutoModel": "modeling.Model"}},
        {"chunk_size_feed_forward": 4, "use_cache": True, "tie_word_embeddings": False},
    ],
)
def test_fields_without_an_effect_are_let_through(tmp_path, changes):
    folder = write_checkpoint(tmp_path)
    edit_config(folder, **changes)
    assert inspect(folder).family.name == "bert"
