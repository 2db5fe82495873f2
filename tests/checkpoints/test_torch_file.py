"""pytorch_model.bin: read as torch reads it, and nothing of it is run."""

import io
import json
import os
import pickle
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file

from tests.checkpoints.pickles import (
    MACHINE,
    ORDERED_DICT,
    as_pickle,
    call,
    literal,
    name,
    state_dict,
    storage,
    tensor,
    write_legacy,
    write_zip,
)
from tests.mutations import damaged_bytes
from tests.tiny_checkpoints import MODEL_TYPES, write_checkpoint
from tuner.checkpoints import inspect
from tuner.checkpoints.state_dict import MOST_BYTES, STORAGES
from tuner.checkpoints.tensor_file import open_tensors
from tuner.errors import InputError

MADE_BY_TORCH = Path(__file__).parent / "torch_files"
FORMATS = ("zip.bin", "protocol_4.bin", "legacy.bin")
EIGHT = np.arange(8, dtype=np.float32)
PLAIN = tensor(storage("0", 8), (2, 4))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pytorch_model.bin"


def write(path, content, **options):
    write_zip(path, content, {"0": EIGHT.tobytes()}, **options)


def refusal(path):
    with pytest.raises(InputError) as refused:
        open_tensors(path)
    assert refused.value.where == str(path)
    assert refused.value.remedy
    return refused.value.problem


class TestMadeByTorch:
    @pytest.mark.parametrize("file", FORMATS)
    def test_all_tensors_are_those_that_torch_saved(self, file):
        read, expected = open_tensors(MADE_BY_TORCH / file), MADE_BY_TORCH / "expected.safetensors"
        with safe_open(expected, framework="np") as original:
            assert set(read.keys()) == set(original.keys())
            for key in original.keys():  # noqa: SIM118
                mine, theirs = read.get_slice(key), original.get_slice(key)
                assert list(mine.get_shape()) == theirs.get_shape()
                assert mine.get_dtype() == theirs.get_dtype()
                whole = read.get_tensor(key)
                np.testing.assert_array_equal(whole, original.get_tensor(key))
                assert whole.flags.owndata

    @pytest.mark.parametrize("file", FORMATS)
    def test_rows_are_read_alone(self, file):
        read = open_tensors(MADE_BY_TORCH / file)
        for key in ("transposed", "second", "bfloat16"):
            np.testing.assert_array_equal(read.get_slice(key)[1:3], read.get_tensor(key)[1:3])

    @pytest.mark.parametrize("file", FORMATS)
    @pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.6, 0.99])
    def test_a_cut_off_file_is_refused(self, path, file, share):
        data = (MADE_BY_TORCH / file).read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        refusal(path)

    @pytest.mark.parametrize("file", FORMATS)
    def test_a_damaged_file_is_read_or_refused(self, path, file):
        @settings(max_examples=200)
        @given(data=damaged_bytes((MADE_BY_TORCH / file).read_bytes()))
        def check(data):
            path.write_bytes(data)
            try:
                read = open_tensors(path)
                for key in read.keys():  # noqa: SIM118
                    read.get_tensor(key)
            except InputError:
                pass

        check()

    @pytest.mark.parametrize("file", ["zip.bin", "protocol_4.bin"])
    def test_a_damaged_pickle_is_read_or_refused(self, path, file):
        with zipfile.ZipFile(MADE_BY_TORCH / file) as archive:
            folder = archive.namelist()[0].partition("/")[0]
            content = archive.read(f"{folder}/data.pkl")
            storages = {
                key.rpartition("/")[2]: archive.read(key)
                for key in archive.namelist()
                if key.startswith(f"{folder}/data/")
            }

        @settings(max_examples=300)
        @given(data=damaged_bytes(content))
        def check(data):
            write_zip(path, data, storages)
            try:
                read = open_tensors(path)
                for key in read.keys():  # noqa: SIM118
                    read.get_tensor(key)
            except InputError:
                pass

        check()


class TestCheckpoints:
    @pytest.mark.parametrize("model_type", MODEL_TYPES)
    @pytest.mark.parametrize("files", [1, 2])
    def test_a_checkpoint_of_pickles_has_the_same_tensors(self, tmp_path, model_type, files):
        original = load_file(write_checkpoint(tmp_path / "a", model_type) / "model.safetensors")
        info = inspect(as_pickle(write_checkpoint(tmp_path / "b", model_type), files=files))
        assert len(info.weight_files) == files
        read = {}
        for file in map(open_tensors, info.weight_files):
            read |= {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        assert read.keys() == original.keys()
        for key, value in original.items():
            np.testing.assert_array_equal(read[key], value)

    def test_safetensors_are_preferred(self, tmp_path):
        folder = write_checkpoint(tmp_path)
        (folder / "pytorch_model.bin").write_bytes(b"something else")
        assert [file.name for file in inspect(folder).weight_files] == ["model.safetensors"]

    def test_an_index_names_pickles_alone(self, tmp_path):
        folder = as_pickle(write_checkpoint(tmp_path))
        (folder / "pytorch_model.bin").rename(folder / "whole.bin")
        path = folder / "pytorch_model.bin.index.json"
        path.write_text(json.dumps({"weight_map": {"a": "../pytorch_model.bin"}}))
        with pytest.raises(InputError, match="names no files of this folder"):
            inspect(folder)

    def test_numbers_are_held_against_config_json(self, tmp_path):
        folder = write_checkpoint(tmp_path)
        as_pickle(folder)
        config = folder / "config.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | {"hidden_size": 16}))
        with pytest.raises(InputError, match=r"asks for \[98, 16\].* is \[98, 32\]"):
            inspect(folder)


SYSTEM = name("os", "system")
DEEP = 200_000
NAMES = (
    "os system", "posix system", "subprocess Popen", "builtins eval", "builtins getattr",
    "__builtin__ eval", "builtins __import__", "numpy.core.multiarray _reconstruct",
    "torch._utils _rebuild_tensor_v3", "torch.storage UntypedStorage", "torch load",
    "torch.nn.modules.linear Linear", "collections Counter", "torch ComplexFloatStorage",
    "torch._utils _rebuild_tensor_v2.__globals__", "torch._utils _import_dotted_name",
)  # fmt: skip


class TestHostile:
    @pytest.mark.parametrize("named", NAMES)
    def test_other_names_are_refused_by_name(self, path, named):
        module, _, attribute = named.partition(" ")
        write(path, state_dict(a=call(name(module, attribute), literal("touch x"))))
        assert f"{module}.{attribute}" in refusal(path)
        stacked = literal(module) + literal(attribute) + b"\x93"
        write(path, state_dict(a=call(stacked, literal("touch x"))))
        assert f"{module}.{attribute}" in refusal(path)

    def test_nothing_is_run(self, path, tmp_path):
        class Command:
            def __reduce__(self):
                return os.system, (f"touch {tmp_path / 'run'}",)

        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            content = pickle.dumps({"a": Command()}, protocol)
            write(path, content)
            refusal(path)
            path.write_bytes(content)
            refusal(path)
            write_legacy(path, content, {})
            refusal(path)
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize(
        "content",
        [
            state_dict(a=call(ORDERED_DICT, literal("x"))),  # A value is called.
            state_dict(a=call(literal("eval"), literal("x"))),
            state_dict(a=call(name("torch", "FloatStorage"), literal(3))),
            state_dict(a=call(name("collections", "OrderedDict"), literal([["a", 1]]))),
            state_dict(a=call(name("torch._utils", "_rebuild_parameter"), literal(3))),
            state_dict(a=call(name("torch._utils", "_rebuild_parameter"))),
            state_dict(a=name("collections", "OrderedDict") + literal("x") + b"R"),
            state_dict(a=name("torch._utils", "_rebuild_tensor_v2") + literal({"x": 1}) + b"b"),
            state_dict(a=PLAIN + literal((None, {"shape": (99, 99)})) + b"b"),
            b"\x80\x02ios\nsystem\n.",  # INST
            b"\x80\x02(cos\nsystem\nX\x01\x00\x00\x00xo.",  # OBJ
            b"\x80\x04" + name("collections", "OrderedDict") + b")\x81.",  # NEWOBJ
            b"\x80\x02\x82\x01.",  # EXT1
            b"\x80\x02Px\n.",  # PERSID
            b"\x80\x02" + literal("storage") + b"Q.",
            b"\x80\x02]X\x01\x00\x00\x00a" + literal(1) + b"s.",
            b"\x80\x02}" + literal((1, 2)) + literal(1) + b"s.",
            b"\x80\x02}(" + literal("a") + b"u.",
            b"\x80\x02}" + literal(1) + b"a.",
            b"\x80\x02" + literal(1) + literal("x") + b"\x93.",
            b"\x80\x02t.", b"\x80\x02u.", b"\x80\x02.", b"\x80\x02(.", b"\x80\x02h\x07.",
            b"\x80\x02R.", b"\x80\x02Q.", b"\x80\x02\x94.", b"", b".", b"\xff", b"\x80\x02]",
            pickle.dumps([1, 2], 2), pickle.dumps("text", 2), pickle.dumps({1: 2}, 2),
        ],
    )  # fmt: skip
    def test_other_operations_and_values_are_refused(self, path, content):
        write(path, content)
        refusal(path)

    @pytest.mark.parametrize(
        "content",
        [
            b"\x80\x02" + b"]" * DEEP + b"a" * (DEEP - 1) + b".",
            b"\x80\x02}" + literal(()) + b"\x85" * DEEP + literal(1) + b"s.",  # A deep key.
            b"\x80\x02" + b"(" * DEEP + b".",
            b"\x80\x02" + literal([1]) + b"q\x00" + b"h\x00h\x00\x86q\x00" * DEEP + b".",
            b"\x80\x02\x8a\xff" + b"\x7f" * 255 + b".",
            b"\x80\x02\x8b" + (2**31 - 1).to_bytes(4, "little") + b"\x7f.",
            b"\x80\x02X" + b"\xff\xff\xff\x7f" + b"a.",
            b"\x80\x04\x8d" + b"\xff" * 7 + b"\x0f" + b"a.",
            b"\x80\x02I" + b"9" * 100_000 + b"\n.",
            b"\x80\x02" + b"(" + b"K\x01" * DEEP + b"t.",
            b"\x80\x02" + b"0" * MOST_BYTES + b".",
        ],
    )
    def test_bombs_are_refused_soon(self, path, content):
        write(path, content)
        start = time.monotonic()
        refusal(path)
        assert time.monotonic() - start < 10

    def test_a_pickle_without_end_is_refused_soon(self, path):
        write(path, b"\x80\x02" + b"]" * (2 * MOST_BYTES))
        start = time.monotonic()
        assert str(MOST_BYTES) in refusal(path)
        assert time.monotonic() - start < 60

    @pytest.mark.parametrize(
        "options",
        [
            {"shape": (3, 4)},
            {"shape": (8,), "offset": 1},
            {"shape": (8,), "offset": -1},
            {"shape": (2, 4), "strides": (-4, 1)},
            {"shape": (2, 4), "strides": (5, 1)},
            {"shape": (2, 4), "strides": (4,)},
            {"shape": (-2, -4)},
            {"shape": (2**31, 2**31), "strides": (0, 0)},
            {"shape": (9,), "strides": (0,)},
            {"shape": (2**64,)},
            {"shape": (2.0, 4)},
            {"shape": (True, 4)},
            {"shape": (1,) * 65},
            {"shape": (1,), "offset": 2**70},
            {"shape": ([1],)},
        ],
        ids=str,
    )
    def test_a_tensor_outside_its_storage_is_refused(self, path, options):
        options = {"strides": tuple(1 for _ in options["shape"])} | options
        write(path, state_dict(a=tensor(storage("0", 8), **options)))
        assert "storage" in refusal(path)

    @pytest.mark.parametrize(
        "stored",
        [
            storage("0", 9),
            storage("0", 8, "DoubleStorage"),
            storage("1", 8),
            storage("../data.pkl", 8),
            storage("/etc/passwd", 8),
            storage("0", -8),
            storage("0", 2**80),
            storage("0", 8, "FloatStorage", ("1", 0, 8)),
            storage("0", 8, "QInt8Storage"),
            literal("0"),
            literal(None),
        ],
    )
    def test_a_storage_that_is_not_in_the_file_is_refused(self, path, stored):
        write(path, state_dict(a=tensor(stored, (2, 4))))
        refusal(path)

    def test_strides_of_a_single_row_mean_nothing(self, path):
        write(path, state_dict(a=tensor(storage("0", 8), (1, 8), strides=(2**62, 1))))
        np.testing.assert_array_equal(open_tensors(path).get_tensor("a"), EIGHT[None])

    @pytest.mark.parametrize("shape", [(0, 2**62), (2**62, 2**62, 0)])
    def test_an_empty_tensor_is_empty(self, path, shape):
        write(path, state_dict(a=tensor(storage("0", 8), shape, strides=shape, offset=2**62)))
        assert open_tensors(path).get_tensor("a").size == 0


class TestArchives:
    def test_the_byte_order_may_be_missing_but_not_big(self, path):
        write(path, state_dict(a=PLAIN), order=None)
        np.testing.assert_array_equal(open_tensors(path).get_tensor("a"), EIGHT.reshape(2, 4))
        write(path, state_dict(a=PLAIN), order=b"big")
        assert "byte order" in refusal(path)

    @pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_compressed_members_are_refused_without_unpacking(self, path, method):
        write_zip(path, state_dict(a=PLAIN), {"0": bytes(2**26)}, compression=method)
        assert path.stat().st_size < 2**20
        assert "compressed" in refusal(path)

    @pytest.mark.parametrize("names", [(), ("data.pkl",), ("a/data.pkl", "b/data.pkl")])
    def test_there_is_one_pickle(self, path, names):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("version", "3")
            for each in names:
                archive.writestr(each, state_dict(a=PLAIN))
        assert "data.pkl" in refusal(path)

    def test_a_member_beyond_the_end_is_refused(self, path):
        write(path, state_dict(a=PLAIN))
        data = path.read_bytes()
        sizes = (32).to_bytes(4, "little") * 2
        assert data.count(sizes) == 2  # In the member's own header, and in the list of members.
        head, _, tail = data.rpartition(sizes)
        path.write_bytes(head + (2**30).to_bytes(4, "little") * 2 + tail)
        assert "cut off" in refusal(path)

    def test_members_outside_are_no_files(self, path, tmp_path):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", state_dict(a=PLAIN))
            archive.writestr("../../evil", b"x")
            archive.writestr("archive/data/0", EIGHT.tobytes())
        np.testing.assert_array_equal(open_tensors(path).get_tensor("a"), EIGHT.reshape(2, 4))
        assert list(tmp_path.iterdir()) == [path]

    def test_other_files_are_refused(self, path):
        for content in (b"", b"PK\x03\x04", b"GGUF", b"\x80\x02}.", os.urandom(99)):
            path.write_bytes(content)
            refusal(path)
        buffer = io.BytesIO()
        np.save(buffer, EIGHT)
        path.write_bytes(buffer.getvalue())
        refusal(path)


class TestLegacy:
    def test_storages_follow_the_pickle(self, path):
        content = state_dict(a=tensor(storage("0", 8, "FloatStorage", None), (4, 2)))
        write_legacy(path, content, {"0": EIGHT.tobytes()})
        np.testing.assert_array_equal(open_tensors(path).get_tensor("a"), EIGHT.reshape(4, 2))

    @pytest.mark.parametrize(
        "options",
        [
            {"machine": MACHINE | {"little_endian": False}},
            {"machine": {}},
            {"machine": "x86"},
            {"counts": [7]},
            {"counts": [2**63]},
            {"storages": {}},
            {"storages": {"1": EIGHT.tobytes()}},
            {"storages": {"0": EIGHT.tobytes()[:-1]}},
            {"storages": {0: EIGHT.tobytes()}},
        ],
        ids=str,
    )
    def test_what_does_not_fit_is_refused(self, path, options):
        options = {"storages": {"0": EIGHT.tobytes()}} | options
        write_legacy(path, state_dict(a=PLAIN), **options)
        refusal(path)


@given(st.sampled_from(sorted(STORAGES)))
def test_sizes_of_numbers_are_numpy_s(kind):
    number = STORAGES[kind]
    assert np.dtype(number.dtype).itemsize == number.size
