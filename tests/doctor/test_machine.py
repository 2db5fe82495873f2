import pytest

from tests.core.test_health import ON_CPU, TWO
from tuner.core.health.gpus import gpu_lines
from tuner.core.health.packages import Unmet
from tuner.doctor.machine import find_folder, find_nvidia, needed_packages

LISTED = "GPU 0: NVIDIA A100 (UUID: GPU-a)\n  MIG 1g.10gb Device 0: (UUID: MIG-b)\nGPU 1: Tesla\n"


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Puts a program of this name on the path: what it answers, and its exit code."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def put(answer, code=0):
        (tmp_path / "answer").write_text(answer)
        (tmp_path / "listed").write_text(LISTED)
        program = tmp_path / "nvidia-smi"
        program.write_text(
            f'#!/bin/sh\n[ "$1" = -L ] && cat {tmp_path}/listed || cat {tmp_path}/answer\n'
            f"exit {code}\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return put


def test_gpus_that_the_driver_shows_and_tensorflow_does_not(nvidia_smi, monkeypatch):
    nvidia_smi(TWO)
    found = find_nvidia()
    assert (len(found.gpus), found.visible, found.is_chosen) == (2, ("0", "1"), False)
    assert gpu_lines(found, ON_CPU)[-1].text == "TensorFlow sees 0 of 2"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert gpu_lines(find_nvidia(), ON_CPU)[-1].text == (
        "TensorFlow sees 0 of 1 (CUDA_VISIBLE_DEVICES=1)"
    )


def test_a_driver_that_fails_says_why(nvidia_smi):
    nvidia_smi("NVIDIA-SMI has failed because it couldn't communicate with the driver.\n", 9)
    assert find_nvidia().error.startswith("NVIDIA-SMI has failed")
    nvidia_smi("No devices were found\n")
    assert find_nvidia().error == "No devices were found"


def test_no_driver_at_all(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_nvidia().gpus == ()
    assert find_nvidia().error == ""


def test_a_folder_is_tried_where_it_would_be_made_and_nothing_stays(tmp_path):
    folder = find_folder(tmp_path / "not" / "yet")
    assert (folder.refusal, list(tmp_path.iterdir())) == ("", [])
    assert folder.free > 0
    (tmp_path / "file").write_text("")
    assert find_folder(tmp_path / "file").refusal == "Not a directory"
    assert find_folder(tmp_path / "file" / "x").refusal == f"{tmp_path}/file: Not a directory"
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert "No such file" in find_folder(tmp_path / "dangling").refusal


def _install(folder, name, version, *requires):
    metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    metadata.write_text("\n".join(["Metadata-Version: 2.1", *lines, ""]))


def test_requirements_are_followed_with_their_extras_and_in_circles(tmp_path, monkeypatch):
    _install(tmp_path, "tuner", "9.9", "qalpha[fast]>=1", "qgone; python_version < '3'", "qbeta<2")
    _install(tmp_path, "qalpha", "1.0", "Q_Gamma==3; extra == 'fast'", "qnone; extra == 'slow'")
    _install(tmp_path, "q-gamma", "3.0", "tuner", "qmissing>=4,<5")
    _install(tmp_path, "qbeta", "2.0")
    monkeypatch.syspath_prepend(tmp_path)
    names, unmet = needed_packages()
    assert names == {"tuner", "qalpha", "q-gamma"}
    assert set(unmet) == {
        Unmet(by="tuner", name="qbeta", wanted="<2", installed="2.0"),
        Unmet(by="q-gamma", name="qmissing", wanted="<5,>=4", installed=None),
    }
