"""Our distribution: one name, and documented commands that install what the extras declare."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import tuner
from tuner.installation import distribution
from tuner.installation.distribution import DISTRIBUTION
from tuner.installation.remedies import install_extra

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TEXTS = [
    ROOT / "README.md",
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "conf").rglob("*.yaml"),
    *(ROOT / "tuner").rglob("*.py"),
]
EXTRAS = PROJECT["optional-dependencies"]


def test_code_and_project_agree_on_the_name():
    assert PROJECT["name"] == DISTRIBUTION == "encoder-tuner"
    assert tuner.__version__ == PROJECT["version"]


@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_an_extra_is_installed_by_its_packages(extra):
    found = {str(each) for each in distribution.requirements(extra)}
    assert found == {str(Requirement(each)) for each in EXTRAS[extra]}
    assert all(each.rpartition("=")[2] in install_extra(extra) for each in found)


def test_a_needed_package_comes_with_the_versions_that_we_need():
    assert distribution.requirement("Optuna") == str(Requirement("optuna>=5,<6"))
    assert distribution.requirement("unheard-of") == "unheard-of"
    assert not distribution.requirements("unheard-of")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_installs_a_foreign_package_or_other_versions(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\btuner\[", text)
    assert not re.search(r"pip install( -\S+)* '?tuner\b", text)
    declared = {each for packages in EXTRAS.values() for each in packages}
    for words in re.findall(r"`uv pip install ('[^`]*')`", text):
        packages = set(re.findall(r"'([^']*)'", words))
        assert packages <= declared | {".[postgresql,ray,slurm]"}, path
