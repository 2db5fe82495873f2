"""A PostgreSQL of its own on this machine's loopback; `install.sh` installs what it needs."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

USER = "postgres"
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
}


def programs():
    """The folder of the server's programs; None where it is not installed."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def missing():
    """Why there can be no PostgreSQL here; empty where there can."""
    if programs() is None:
        return "initdb is not installed: tests/engines/install.sh installs it"
    return ""


class PostgreSQL:
    """One server whose only user has a password.

    Attributes:
        port: On 127.0.0.1.
        password: Password of the user `postgres`.
        folder: Its data and its log.
    """

    def __init__(self):
        self.port = _free_port()
        self.password = f"pa55-{secrets.token_hex(8)}"
        self.folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
        self._server = None
        # It refuses to be run by root.
        self._as = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}

    def url(self, database="postgres", *, password=True):
        """Address of a database on it."""
        login = f"{USER}:{self.password}" if password else USER
        return f"postgresql://{login}@127.0.0.1:{self.port}/{database}"

    def start(self):
        """Makes the database's files, starts the server, and waits until it answers."""
        secret = self.folder / "password"
        secret.write_text(self.password)
        if self._as:
            for path in (self.folder, secret):
                shutil.chown(path, USER, USER)
        self._run("initdb", "--username", USER, "--pwfile", secret, "--auth", "scram-sha-256",
                  "--encoding", "UTF8", "--no-sync", "--pgdata", self.folder / "data")  # fmt: skip
        secret.unlink()
        self.restart()

    def restart(self):
        """Starts a server that was stopped."""
        options = [word for name, value in OPTIONS.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [programs() / "postgres", "-D", self.folder / "data", "-p", str(self.port),
                 *options],
                stdout=log, stderr=log, cwd="/", start_new_session=True, **self._as,
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self._server.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.05)

    def create(self, database):
        """Makes an empty database; returns its address."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def stop(self):
        """Ends the server, open connections and all; its files stay."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            try:
                self._server.wait(20)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
            self._server = None

    def close(self):
        """Ends the server and takes its files away."""
        self.stop()
        shutil.rmtree(self.folder)

    def _run(self, program, *arguments):
        subprocess.run(
            [programs() / program, *arguments],
            check=True,
            capture_output=True,
            cwd="/",
            **self._as,
        )

    def _answers(self):
        import psycopg

        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(self.url(), connect_timeout=5).close()
            return True
        return False


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
