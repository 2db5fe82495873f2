from tuner.doctor.machine import inspect_folder, needed_packages
from tuner.doctor.packages import Unmet
from tuner.installation.distribution import DISTRIBUTION


def test_a_folder_is_tried_where_it_would_be_made_and_nothing_stays(tmp_path):
    folder = inspect_folder(tmp_path / "not" / "yet")
    assert (folder.refusal, list(tmp_path.iterdir())) == ("", [])
    assert folder.free > 0
    (tmp_path / "file").write_text("")
    assert inspect_folder(tmp_path / "file").refusal == "Not a directory"
    assert inspect_folder(tmp_path / "file" / "x").refusal == f"{tmp_path}/file: Not a directory"
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert "No such file" in inspect_folder(tmp_path / "dangling").refusal


def _install(folder, name, version, *requires):
    metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    metadata.write_text("\n".join(["Metadata-Version: 2.1", *lines, ""]))


def test_requirements_are_followed_with_their_extras_and_in_circles(tmp_path, monkeypatch):
    _install(
        tmp_path, DISTRIBUTION, "9.9", "qalpha[fast]>=1", "qgone; python_version < '3'", "qbeta<2"
    )
    _install(tmp_path, "qalpha", "1.0", "Q_Gamma==3; extra == 'fast'", "qnone; extra == 'slow'")
    _install(tmp_path, "q-gamma", "3.0", DISTRIBUTION, "qmissing>=4,<5")
    _install(tmp_path, "qbeta", "2.0")
    monkeypatch.syspath_prepend(tmp_path)
    names, unmet = needed_packages()
    assert names == {DISTRIBUTION, "qalpha", "q-gamma"}
    assert set(unmet) == {
        Unmet(by=DISTRIBUTION, name="qbeta", wanted="<2", installed="2.0"),
        Unmet(by="q-gamma", name="qmissing", wanted="<5,>=4", installed=None),
    }
