"""Why an MLflow store cannot be used: each cause has its own message and a remedy that works."""

import http.server
import os
import re
import sqlite3
import ssl
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from mlflow import MlflowClient
from mlflow.server.security_utils import INVALID_HOST_MSG

from tests.tracking.runs import assert_all_arrived, found, run_trial
from tuner.doctor.stores import tracking_line
from tuner.errors import InputError, TunerError
from tuner.settings.settings import TrackingSettings
from tuner.tracking import Tracker
from tuner.tracking.address import check_uri
from tuner.tracking.causes import cause_of
from tuner.trial.folder import StudyFolder

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""Leftovers of connections that fail on purpose."""


@pytest.fixture
def folder(tmp_path):
    return StudyFolder(tmp_path / "outputs", "s")


@pytest.fixture
def serve():
    """Starts HTTP servers that always answer the same."""
    servers = []

    def serve_(status, body="<html>page</html>", *, tls=None, location=None):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                content = body.encode()
                moved = location is not None and not self.path.startswith("/there")
                self.send_response(302 if moved else status)
                if moved:
                    self.send_header("Location", location + self.path)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            server.socket = tls.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http{'s' * bool(tls)}://127.0.0.1:{server.server_address[1]}"

    yield serve_
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def tls(tmp_path):
    """A certificate that nobody has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (tmp_path / "server.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    return context


def refusal(uri, folder, kind=InputError):
    """Error of a start with this store; nothing is left on the disk."""
    tracker = Tracker(TrackingSettings(uri=uri), "s", folder)
    with pytest.raises(TunerError) as refused:
        tracker.open()
    assert isinstance(refused.value, InputError) is (kind is InputError)
    assert "tracking.on_outage=spool" in str(refused.value)
    assert not folder.path.exists()
    return str(refused.value)


@pytest.mark.parametrize(
    ("status", "body", "kind", "said", "remedy"),
    [
        (401, "", InputError, "login", "MLFLOW_TRACKING_USERNAME"),
        (403, "", InputError, "refuses", "right to"),
        (
            403,
            INVALID_HOST_MSG,
            InputError,
            "does not accept requests",
            "--allowed-hosts 127.0.0.1:",
        ),
        (404, "", InputError, "not the address", "browser"),
        (404, '{"detail": "Not Found"}', InputError, "not the address", "browser"),
        (405, "", InputError, "not the address", "browser"),
        (200, "<html>page</html>", InputError, "not the address", "browser"),
        (502, "", TunerError, "proxy", "start the MLflow server behind it"),
        (504, "", TunerError, "proxy", "start the MLflow server behind it"),
    ],
)
def test_each_answer_of_a_server_has_its_remedy(serve, folder, status, body, kind, said, remedy):
    text = refusal(serve(status, body), folder, kind)
    assert said in text
    assert remedy in text


def test_each_fault_of_the_network_has_its_remedy(serve, folder, tls):
    plain, secured = serve(200), serve(200, tls=tls)
    cases = {
        "http://no-such-host.invalid:5000": "right host",
        plain.replace("http:", "https:"): f"tracking.uri={plain}",
        secured: "MLFLOW_TRACKING_SERVER_CERT_PATH",
        secured.replace("https:", "http:"): f"tracking.uri={secured}",
    }
    for uri, remedy in cases.items():
        assert remedy in refusal(uri, folder)
    assert "mlflow server --host" in refusal("http://127.0.0.1:9", folder, TunerError)


def test_a_server_that_sends_its_callers_elsewhere_is_told_with_that_address(serve, folder):
    there = serve(200).replace("127.0.0.1", "localhost")
    assert f"tracking.uri={there}" in refusal(serve(200, location=there), folder)


@pytest.mark.parametrize(
    ("uri", "remedy"),
    [
        ("databricks", "tracking.uri=sqlite:///mlflow.db"),
        ("databricks://profile", "tracking.uri=sqlite:///mlflow.db"),
        ("databricks-uc", "tracking=offline"),
        ("./mlruns", "migrate-filestore --source ./mlruns"),
        ("file:///my/mlruns", "migrate-filestore --source /my/mlruns"),
    ],
)
def test_stores_that_no_study_can_be_in_are_refused_with_another(uri, remedy, monkeypatch):
    with pytest.raises(InputError) as refused:
        check_uri(uri)
    assert remedy in refused.value.remedy
    assert uri in refused.value.problem


def test_doctor_tells_the_same_cause(serve):
    line = tracking_line(TrackingSettings(uri=serve(502)))
    assert "proxy" in line.text
    assert "behind it" in line.remedy


def test_a_database_that_refuses_the_login_or_is_not_there_is_told():
    shown = "postgresql://me:***@host/d"
    for text, remedy in {
        'FATAL:  password authentication failed for user "me"': "user and password",
        'FATAL:  database "d" does not exist': "createdb",
    }.items():
        assert remedy in cause_of(OSError(text), shown).remedy


# -- experiments and files --------------------------------------------------------------------


def run_remedy(text):
    """Runs the command between backticks."""
    command = re.search("`(.*?)`", text)[1]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(command, shell=True, check=True, env=os.environ | {"PATH": path})  # noqa: S602


def swept(uri, folder, number):
    tracker = Tracker(TrackingSettings(uri=uri), "s", folder)
    tracker.open()
    tracker.sweep_started({}, {})
    tracker.abandon([])
    run_trial(tracker, folder, number)
    tracker.sweep_finished({}, "text", [], "FINISHED")
    return tracker.close()


def test_a_deleted_experiment_is_told_and_the_command_brings_it_back(folder, mlflow_uri):
    assert swept(mlflow_uri, folder, 0) == ""
    client = MlflowClient(mlflow_uri)
    client.delete_experiment(client.get_experiment_by_name("s").experiment_id)
    other = StudyFolder(folder.path.parent / "other", "s")
    text = refusal(mlflow_uri, other)
    assert "was deleted" in text
    run_remedy(text)
    assert swept(mlflow_uri, folder, 1) == ""
    assert_all_arrived(mlflow_uri, folder, range(2))


def test_an_experiment_deleted_during_the_sweep_loses_nothing(folder, mlflow_uri):
    notices = []
    tracker = Tracker(TrackingSettings(uri=mlflow_uri), "s", folder, notice=notices.append)
    tracker.open()
    tracker.sweep_started({}, {})
    tracker.abandon([])
    client = MlflowClient(mlflow_uri)
    experiment = client.get_experiment_by_name("s").experiment_id
    client.delete_experiment(experiment)
    run_trial(tracker, folder, 0)
    told = tracker.close()
    assert "experiments restore" in told
    client.restore_experiment(experiment)
    assert swept(mlflow_uri, folder, 1) == ""
    assert_all_arrived(mlflow_uri, folder, range(2))


def test_a_store_that_is_removed_during_the_sweep_is_told_and_sent_anew(folder, mlflow_uri):
    path = Path(mlflow_uri.removeprefix("sqlite:///"))
    tracker = Tracker(TrackingSettings(uri=mlflow_uri), "s", folder)
    tracker.open()
    tracker.sweep_started({}, {})
    tracker.abandon([])
    run_trial(tracker, folder, 0)
    path.unlink()
    run_trial(tracker, folder, 1)
    tracker.sweep_finished({}, "text", [], "FINISHED")
    told = tracker.close()
    assert "while it was in use" in told
    script = (
        "import sys; from tests.tracking.test_causes import *; "
        "sys.exit(swept(sys.argv[1], StudyFolder(Path(sys.argv[2]), 's'), 2) != '')"
    )
    words = [sys.executable, "-c", script, mlflow_uri, str(folder.path.parent)]
    subprocess.run(words, check=True, cwd=Path(__file__).parents[2])
    assert len(found(f"{mlflow_uri}?")) == 3  # By another name: this process has it open.


@pytest.mark.parametrize(
    ("revision", "remedy"), [("6b4c5a5b2d13", "mlflow db upgrade"), ("ffffffffffff", "--upgrade")]
)
def test_a_store_of_another_version_names_the_remedy(folder, mlflow_uri, revision, remedy):
    MlflowClient(mlflow_uri).create_experiment("somebody's")
    with closing(sqlite3.connect(mlflow_uri.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    text = refusal(f"{mlflow_uri}?", folder)
    assert "another version of MLflow" in text
    assert remedy in text
