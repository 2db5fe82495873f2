"""File systems of a test's own."""

import subprocess
from contextlib import contextmanager

import pytest


@contextmanager
def small_disk_at(place, megabytes):
    """A folder that is a file system of its own; skips where this user cannot mount one."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this user cannot mount a file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)
