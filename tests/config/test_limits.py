"""Files and overrides of a few bytes that would take hours."""

import time

import pytest

from tuner.config import compose_sweep, load_trial
from tuner.errors import InputError

LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40)
)
ECHOES = "data:\n  where:\n    a0: x\n" + "".join(
    f"    a{i}: ${{data.where.a{i - 1}}}${{data.where.a{i - 1}}}\n" for i in range(1, 30)
)

FILES = {
    "aliases of aliases": (LAUGHS, "expands to more than 100,000 values"),
    "an alias of itself": ("a: &a [*a]", "nested too deeply"),
    "references to references": (ECHOES, "more than 20 references"),
    "references by aliases": ("data: {where: {a: &r '${data.train}', b: [" + "*r, " * 20 + "]}}",
                              "more than 20 references"),
    "brackets": ("[" * 5000, "nested too deeply"),
    "mappings": ("".join(f"{' ' * i}a:\n" for i in range(60)), "nested too deeply"),
    "brackets in a text": ("data: {text: '" + "[" * 50 + "'}", "nested too deeply"),
    "a long text": ("data: {text: " + "x" * 30_000 + "}", "has 30,000 characters"),
    "a large file": ("# " + "x" * 2**20, "1,048,578 bytes"),
    "an object of Python": ("a: !!python/object/apply:os.system [touch made]", "no valid YAML"),
    "a number alone": ("1e999", "contains no keys"),
    "a list alone": ("- a", "contains no keys"),
    "two documents": ("a: 1\n---\nb: 1", "several configurations"),
    "bytes": ("data: {text: !!binary //8=}", ""),
    "a date that is none": ("data: {text: !!timestamp 2024-99-99}", "cannot be read"),
    "a key that is a list": ("? [a]\n: b", "no valid YAML"),
    "no UTF-8": (b"\xff\xfe\x00", "cannot be read"),
    "a number of 5,000 digits": ("training: {epochs: " + "9" * 5000 + "}", "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "problem"), FILES.values(), ids=FILES.keys())
def test_a_file_that_is_too_much_is_refused_at_once(tmp_path, monkeypatch, content, problem):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "file.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    begun = time.process_time()
    with pytest.raises(InputError) as caught:
        load_trial(path, folder=tmp_path)
    assert time.process_time() - begun < 5
    assert problem in caught.value.problem
    assert "file.yaml" in caught.value.where
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("model.checkpoint=" + "[" * 60, "nested too deeply"),
        ("model.checkpoint=" + "x" * 30_000, "has 30,017 characters"),
        ("model.checkpoint='" + "${study}" * 21 + "'", "more than 20 references"),
        ("training.epochs=" + "9" * 5000, ""),
        ("training.seed=range(0,1e18,0.5)", "1000 are allowed"),
        ("training.seed=range(0,10000000000000000000)", "whole numbers can be searched up to"),
        ("training.batch_size=" + ",".join(map(str, range(1001))), "1000 are allowed"),
        ("model.dropout=interval(0,inf)", "inf is not a finite bound"),
        ("model.checkpoint='${oc.env:HOME}'", "refers to the environment variable HOME"),
        ("model.checkpoint='${oc.decode:\"${oc.env:HOME}\"}'", "environment variable HOME"),
    ],
)
def test_an_override_that_is_too_much_is_refused(tmp_path, override, problem):
    with pytest.raises(InputError) as caught:
        compose_sweep(["sweep=lr_search", override], tmp_path)
    assert problem in caught.value.problem


def test_the_environment_says_where_things_are(tmp_path, monkeypatch):
    monkeypatch.setenv("STORE", "sqlite:///x.db")
    arguments = ["sweep=lr_search", "storage.url='${oc.env:STORE}'"]
    assert compose_sweep(arguments, tmp_path).agent.storage.url == "sqlite:///x.db"


CODE = """\
_target_: os.system
_args_: [touch made]
"""
RUNNING = {
    "conf/model/mine.yaml": CODE + "checkpoint: x\n",
    "conf/optimizer/mine.yaml": CODE + "name: adamw\n",
    "sweeps/mine.yaml": CODE + "space: {training.batch_size: '8, 16'}\n",
    "sweeps/recursive.yaml": "_recursive_: true\nspace: {training.batch_size: '8, 16'}\n",
    "sweeps/global.yaml": "# @package _global_\nhydra: {callbacks: {x: {_target_: os.system}}}\n",
    "sweeps/hydra.yaml": "# @package hydra\ncallbacks: {x: {_target_: os.system}}\n",
    "sweeps/defaults.yaml": "defaults: [{override /hydra/launcher: joblib}]\n",
}


@pytest.mark.parametrize("path", RUNNING)
def test_no_configuration_names_code(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(RUNNING[path])
    group, name = path.removeprefix("conf/").removesuffix(".yaml").split("/")
    arguments = [f"sweep={name}"] if group == "sweeps" else ["sweep=lr_search", f"{group}={name}"]
    with pytest.raises(InputError):
        compose_sweep(arguments, tmp_path)
    assert not (tmp_path / "made").exists()


def test_free_keys_are_texts_whatever_their_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["sweep=lr_search", "+data.where._target_=os.system", "+data.where._args_=x"]
    where = compose_sweep(arguments, tmp_path).base.data.where
    assert {"_target_": "os.system", "_args_": "x"}.items() <= where.items()
