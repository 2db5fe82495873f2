"""Members on disk: what is left out, and averages that equal NumPy's of the full tables."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.tiny_checkpoints import write_checkpoint
from tests.training.members import saved, trained
from tuner.checkpoints import inspect
from tuner.data import prepare
from tuner.soup import Member, MemberFile
from tuner.tasks import Classification

pytestmark = pytest.mark.tf

MEMBERS = [Member(trial=number, seed=0) for number in range(3)]


def opened(paths):
    """Weights of members' files."""
    from tuner.training.member import MemberWeights

    return {member: MemberWeights(path) for member, path in paths.items()}


def in_half(folder, target):
    """The same checkpoint, with its weights as float16."""
    shutil.copytree(folder, target)
    tensors = load_file(target / "model.safetensors")
    halves = {name: tensor.astype(np.float16) for name, tensor in tensors.items()}
    save_file(halves, target / "model.safetensors", metadata={"format": "pt"})
    return target


@pytest.mark.parametrize("half", [False, True])
def test_an_average_is_that_of_the_full_weights(workspace, make_settings, tmp_path, half):
    """Members trained in part, as a whole and with a frozen encoder are mixed."""
    from tuner.training.soup import Averages

    settings = make_settings()
    if half:
        checkpoint = str(in_half(workspace / "bert", tmp_path / "half"))
        settings = replace(settings, model=replace(settings.model, checkpoint=checkpoint))
    data = prepare(settings.data, settings.model, Classification())
    classifiers = [
        trained(data, seed=1),
        trained(data, seed=2, part=False),
        trained(data, seed=3, frozen=True),
    ]
    averages = Averages(data, opened(saved(tmp_path / "members", data, classifiers)), 16)
    tables = [each.tensors() for each in classifiers]
    for number, table in enumerate(tables):
        averages.assign(MEMBERS[number : number + 1])
        for name, tensor in averages.classifier.tensors().items():
            np.testing.assert_array_equal(tensor, table[name], name)
    averages.assign(MEMBERS)
    for name, tensor in averages.classifier.tensors().items():
        expected = np.mean([table[name] for table in tables], axis=0, dtype=np.float64)
        np.testing.assert_allclose(tensor, expected, rtol=1e-5, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("model_type", ["bert", "albert"])
def test_a_file_holds_what_training_changed(tmp_path, workspace, make_settings, model_type):
    folder = write_checkpoint(tmp_path / model_type, model_type)
    settings = make_settings()
    model = replace(settings.model, checkpoint=str(folder))
    data = prepare(settings.data, model, Classification())
    classifiers = [trained(data, seed=1), trained(data, seed=1, frozen=True)]
    paths = saved(tmp_path / "members", data, classifiers).values()
    usual = tmp_path / "usual"
    usual.touch()
    assert {path.stat().st_mode for path in paths} == {usual.stat().st_mode}
    whole, head = map(load_file, paths)
    info = inspect(folder)
    table = next(each.name for each in info.family.parameters() if each.of_tokens)
    assert whole[table].shape == (len(whole[f"{table}.ids"]), info.family.shape.embedding)
    assert len(whole[f"{table}.ids"]) < info.family.vocab_size
    made = info.family.head(data.task.head, len(data.labels)).parameters
    # A bias begins at zero, and so it was not moved.
    assert {name.removesuffix(".weight") for name in head} <= {
        each.name.removesuffix(".weight") for each in made
    }
    assert {tensor.dtype for tensor in head.values()} == {np.dtype("float32")}


def test_only_members_of_equal_records_are_averaged(data, tmp_path):
    from tuner.training.member import MemberRecord
    from tuner.training.soup import usable

    (good,) = saved(tmp_path / "members", data, [trained(data, seed=1)]).values()
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(good.read_bytes()[:-8])
    paths = [good, torn, tmp_path / "missing.safetensors"]
    files = [
        MemberFile(member=member, path=str(path))
        for member, path in zip(MEMBERS, paths, strict=True)
    ]
    record = MemberRecord.of(data)
    members, left_out = usable(files, record)
    assert list(members) == MEMBERS[:1]
    assert [each.member for each in left_out] == MEMBERS[1:]
    for path, each in zip(paths[1:], left_out, strict=True):
        assert str(path) in each.reason
    for changed in ({"checkpoint": "0"}, {"labels": ["a"]}, {"max_length": 7}):
        members, left_out = usable(files[:1], replace(record, **changed))
        assert not members
        assert next(iter(changed)) in left_out[0].reason


def test_a_file_that_cannot_be_written_leaves_the_earlier_one(data, tmp_path, monkeypatch):
    from tuner.training import member

    (path,) = saved(tmp_path / "members", data, [trained(data, seed=1)]).values()

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(member, "write_weights", full)
    before = path.read_bytes()
    with pytest.raises(OSError, match="No space"):
        member.save_member(path, trained(data, seed=2), member.MemberRecord.of(data))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
