import dataclasses

import pytest

from tests.devices.nvidia_texts import CUT, CUT_LISTED, TWO
from tuner.devices.nvidia import Nvidia, parse_gpus
from tuner.doctor.gpus import Device, TensorFlow, gpu_lines, precision_lines, tensorflow_line
from tuner.doctor.line import Level, exit_code, ok, warning, wrong
from tuner.doctor.packages import Unmet, package_lines
from tuner.doctor.resources import Folder, file_storage_line, folder_line, memory_line
from tuner.installation.distribution import DISTRIBUTION
from tuner.installation.environment import Environment

RUN = {"float32": "", "mixed_bfloat16": "", "mixed_float16": ""}
CPU = Device(name="CPU:0", products=RUN)
ON_CPU = TensorFlow(version="2.21.0", keras="3.15.1", cuda="12.5.1", devices=(CPU,))

INSTALL = "pip install 'tensorflow[and-cuda]'"
HERE = Environment(python="python", has_pip=True)


def gpu_lines_of(shown, found):
    return gpu_lines(shown, found, INSTALL)


def precision_lines_of(found, wanted):
    return precision_lines(found, wanted, INSTALL)


def package_lines_of(installed, unmet, all_installed=()):
    return package_lines(
        installed, unmet, HERE, install_ourselves=INSTALL, all_installed=all_installed
    )


def on(*capabilities, **changes):
    """TensorFlow that sees GPUs of these compute capabilities."""
    gpus = [
        Device(name=f"GPU:{i}", product="NVIDIA X", capability=capability, products=RUN)
        for i, capability in enumerate(capabilities)
    ]
    return dataclasses.replace(ON_CPU, devices=(CPU, *gpus), **changes)


def nvidia(text, *visible, is_chosen=False):
    return Nvidia(gpus=parse_gpus(text), visible=visible, is_chosen=is_chosen)


def levels(lines):
    return [line.level.value for line in lines]


def test_the_exit_code_tells_what_is_wrong_and_passes_warnings():
    assert exit_code([ok("a", "b"), warning("a", "b", "c")]) == 0
    assert exit_code([ok("a", "b"), wrong("a", "b", "c")]) == 1


def test_a_gpu_that_somebody_uses_is_a_warning():
    lines = gpu_lines_of(nvidia(TWO, "0", "1"), on((8, 0), (7, 0)))
    assert levels(lines) == ["ok", "warning"]
    assert lines[0].text == (
        "NVIDIA A100-SXM4-80GB, 86 GB, driver 550.54.15, compute capability 8.0"
    )
    assert "13 GB of it are in use" in lines[1].text


def test_capabilities_belong_to_the_gpus_that_are_visible():
    lines = gpu_lines_of(nvidia(TWO, "1", is_chosen=True), on((7, 0)))
    assert ["capability" in line.text for line in lines] == [False, True]


def test_no_gpu_is_no_fault():
    assert levels(gpu_lines_of(Nvidia(), ON_CPU)) == ["ok"]
    assert "CPU" in gpu_lines_of(Nvidia(), None)[0].text
    assert "NVIDIA X" in gpu_lines_of(Nvidia(), on((9, 0)))[0].text


def test_a_driver_that_does_not_work_is_a_warning():
    [line] = gpu_lines_of(Nvidia(error="NVIDIA-SMI has failed"), ON_CPU)
    assert line.level is Level.WARNING
    assert "NVIDIA-SMI has failed" in line.text


@pytest.mark.parametrize(
    ("shown", "found", "remedy"),
    [
        (nvidia(TWO, "0", "1"), ON_CPU, INSTALL),
        (nvidia(TWO, "0", "1"), dataclasses.replace(ON_CPU, cuda=None), "replace"),
        (nvidia(TWO.replace("550.54", "470.82"), "0"), ON_CPU, "525.60 or newer"),
        (nvidia(TWO, "0"), dataclasses.replace(ON_CPU, cuda="13.0"), "580.65 or newer"),
        (nvidia(TWO, "7", is_chosen=True), ON_CPU, "that exist: 0, 1"),
        (nvidia(TWO, "0", "1"), on((8, 0)), INSTALL),
    ],
    ids=["libraries", "built for CPU", "driver", "newer CUDA", "no such GPU", "one of two"],
)
def test_what_tensorflow_does_not_see_is_wrong_and_has_its_remedy(shown, found, remedy):
    line = gpu_lines_of(shown, found)[-1]
    assert line.level is Level.WRONG
    assert remedy in line.remedy


def test_of_mig_instances_tensorflow_sees_one_at_a_time():
    gpus = parse_gpus(CUT, CUT_LISTED)
    visible = tuple(device for gpu in gpus for device in gpu.devices)
    lines = gpu_lines_of(Nvidia(gpus=gpus, visible=visible), on((8, 0)))
    assert levels(lines) == ["ok", "ok"]
    assert "in MIG mode, with the instances 2g.20gb, 1c.1g.20gb" in lines[1].text
    [*_, unseen] = gpu_lines_of(Nvidia(gpus=gpus, visible=visible), ON_CPU)
    assert unseen.text == "TensorFlow sees 0 of 1"


def test_gpus_that_are_hidden_are_a_warning():
    line = gpu_lines_of(nvidia(TWO, is_chosen=True), ON_CPU)[-1]
    assert line.level is Level.WARNING
    assert "CUDA_VISIBLE_DEVICES" in line.remedy


def test_of_a_tensorflow_that_does_not_load_the_gpus_say_nothing():
    assert "TensorFlow" not in " ".join(
        line.text for line in gpu_lines_of(nvidia(TWO, "0", "1"), None)
    )


def test_the_build_of_tensorflow():
    assert tensorflow_line(ON_CPU).text == "2.21.0 with Keras 3.15.1, built for CUDA 12.5.1"
    assert "the CPU" in tensorflow_line(dataclasses.replace(ON_CPU, cuda=None)).text


@pytest.mark.parametrize(
    ("capability", "wanted", "level", "remedy"),
    [
        ((8, 0), "mixed_bfloat16", Level.OK, ""),
        ((7, 5), "mixed_bfloat16", Level.WARNING, "training.precision=mixed_float16"),
        ((7, 0), "mixed_float16", Level.OK, ""),
        ((6, 1), "mixed_float16", Level.WARNING, "training.precision=float32"),
        ((6, 1), "float32", Level.OK, ""),
        (None, "float32", Level.OK, ""),
        (None, "mixed_bfloat16", Level.WARNING, "training.precision=float32"),
    ],
)
def test_mixed_precision_is_fast_from_some_compute_capability_on(
    capability, wanted, level, remedy
):
    found = ON_CPU if capability is None else on(capability)
    [line] = precision_lines_of(found, {wanted})
    assert (line.level, line.remedy) == (level, remedy)


def test_a_precision_that_fails_is_wrong_where_it_is_wanted():
    broken = dataclasses.replace(CPU, products={**RUN, "mixed_float16": "raises NotFoundError"})
    found = dataclasses.replace(ON_CPU, devices=(broken,))
    assert levels(precision_lines_of(found, {"mixed_float16"})) == ["wrong", "ok"]
    assert levels(precision_lines_of(found, {"float32"})) == ["warning", "ok"]
    broken = dataclasses.replace(CPU, products=dict.fromkeys(RUN, "gives wrong numbers"))
    found = dataclasses.replace(ON_CPU, devices=(broken,))
    assert levels(precision_lines_of(found, {"float32"})) == ["wrong", "warning", "warning"]


def test_packages_that_do_not_go_together():
    def asked(by, name, installed):
        return Unmet(by=by, name=name, wanted=">=5.0,<5.1", installed=installed)

    assert levels(package_lines_of({DISTRIBUTION, "numpy"}, [])) == ["ok"]
    [line] = package_lines_of(None, [])
    assert (line.level, line.remedy) == (Level.WARNING, INSTALL)
    theirs, ours = asked("spacy", "x", None), asked(DISTRIBUTION, "optuna", "4.4.0")
    lines = package_lines_of({DISTRIBUTION}, [theirs, ours])
    assert levels(lines) == ["wrong", "warning"]
    assert lines[0].text == "optuna is 4.4.0, and encoder-tuner needs >=5.0,<5.1"
    assert lines[0].remedy == "python -m pip install 'optuna>=5.0,<5.1'"
    assert "x is not installed" in lines[1].text


def test_only_the_first_of_many_unmet_requirements_are_told():
    many = [Unmet(by=f"p{i}", name="x", wanted="", installed=None) for i in range(9)]
    lines = package_lines_of({DISTRIBUTION}, many)
    assert len(lines) == 5
    assert lines[-1].text == "5 more requirements are not met"
    assert "python -m pip check" in lines[-1].remedy


def test_two_distributions_of_one_package_are_wrong():
    [line] = package_lines_of({DISTRIBUTION}, [], {"tensorflow", "tensorflow-cpu", "keras"})
    assert line.level is Level.WRONG
    assert line.remedy == (
        "python -m pip uninstall tensorflow-cpu && "
        "python -m pip install --force-reinstall --no-deps tensorflow"
    )


@pytest.mark.parametrize(
    ("free", "refusal", "level"),
    [
        (500e9, "", Level.OK),
        (5e9, "", Level.WARNING),
        (0.5e9, "", Level.WRONG),
        (500e9, "Read-only file system", Level.WRONG),
    ],
)
def test_a_folder_needs_rights_and_room(free, refusal, level):
    line = folder_line("output", Folder(path="/o", free=free, refusal=refusal), "output=FOLDER")
    assert line.level is level
    assert (level is Level.OK) == (line.remedy == "")


@pytest.mark.parametrize(
    ("file_system", "refusal", "level"),
    [("ext4", "", Level.OK), ("nfs4", "", Level.WRONG), ("ext4", "no", Level.WRONG)],
)
def test_sqlite_wants_a_local_disk(file_system, refusal, level):
    folder = Folder(path="/o", file_system=file_system, refusal=refusal)
    assert file_storage_line("study.db", folder).level is level


def test_a_worker_wants_memory():
    assert memory_line(1, 8 * 2**30, 3 * 2**30).text == "1 thread, 8.6 GB of memory free"
    assert memory_line(4, 2 * 2**30, 3 * 2**30).level is Level.WARNING
