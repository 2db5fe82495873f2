"""The folder and the fake workers of the commands, for calls from Python."""

from tests.commands.conftest import OWN, fake_workers, folder

__all__ = ["OWN", "fake_workers", "folder"]
