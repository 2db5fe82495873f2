"""Results go into files, devices, pipes and links as a shell's own redirection would."""

import os
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from tuner.files.output_file import check_output, write_output

CODE = (
    "import sys; from pathlib import Path; from tuner.files.output_file import write_output as w; "
)


def test_a_device_stays_a_device():
    write_output(Path("/dev/null"), "a")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)  # noqa: PTH116
    check_output(Path("/dev/null"))


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_is_written_whatever_it_is(name, tmp_path):
    code = f"{CODE} print('before', flush=True); w(Path({name!r}), 'text'); print('after')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "before\ntextafter\n"
    with (tmp_path / "log").open("a") as log:
        log.write("earlier\n")
        log.flush()
        subprocess.run([sys.executable, "-c", code], stdout=log, check=True)
    assert (tmp_path / "log").read_text() == "earlier\nbefore\ntextafter\n"


def test_a_pipe_is_written_and_stays(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    write_output(pipe, "text")
    reader.join(30)
    assert read == ["text"]
    assert pipe.is_fifo()


def test_a_link_stays_and_its_file_is_replaced(tmp_path):
    target = tmp_path / "deep" / "target"
    target.parent.mkdir()
    target.write_text("old")
    (tmp_path / "link").symlink_to(target)
    write_output(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert target.read_text() == "new"


def test_a_new_file_has_its_folders_made_and_a_folder_is_refused(tmp_path):
    write_output(tmp_path / "a" / "b", "text")
    assert (tmp_path / "a" / "b").read_text() == "text"
    for action in (check_output, lambda path: write_output(path, "text")):
        with pytest.raises(IsADirectoryError):
            action(tmp_path / "a")


def test_a_file_that_a_library_wrote_follows_the_umask(tmp_path):
    import numpy as np
    from safetensors.numpy import save_file

    from tuner.files.atomic import with_usual_mode

    before = os.umask(0o027)
    try:
        save_file({"a": np.zeros(2)}, tmp_path / "a.safetensors")
        with_usual_mode(tmp_path / "a.safetensors")
        (tmp_path / "folder").mkdir(mode=0o700)
        with_usual_mode(tmp_path / "folder")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.safetensors").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o750
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.safetensors", "folder"]


def test_files_of_a_file_system_below_dev_are_files():
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        path = Path(folder) / "a"
        check_output(path)
        write_output(path, "first")
        write_output(path, "second")
        assert path.read_text() == "second"
