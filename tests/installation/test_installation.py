"""Commands that install packages, by what the environment has."""

import dataclasses

import pytest

from tuner.installation.environment import (
    UV_INSTALLER,
    Environment,
    check_command,
    conversion_command,
    install_command,
    replace_command,
)

BARE = Environment(python="/v/bin/python", prefix="/v")


def having(**facts):
    return dataclasses.replace(BARE, **facts)


@pytest.mark.parametrize(
    ("facts", "command"),
    [
        ({"has_pip": True}, "/v/bin/python -m pip install 'torch>=2.6'"),
        ({"has_pip": True, "python": "python"}, "python -m pip install 'torch>=2.6'"),
        ({"has_pip": True, "uv": "uv"}, "/v/bin/python -m pip install 'torch>=2.6'"),
        ({"uv": "uv", "is_active": True}, "uv pip install 'torch>=2.6'"),
        ({"uv": "uv"}, "uv pip install --python /v/bin/python 'torch>=2.6'"),
        (
            {"uv": "uv", "python": "/my env/bin/python"},
            "uv pip install --python '/my env/bin/python' 'torch>=2.6'",
        ),
        (
            {"has_pip": True, "python": "/my env/bin/python"},
            "'/my env/bin/python' -m pip install 'torch>=2.6'",
        ),
        (
            {"has_pip": True, "is_externally_managed": True, "python": "python3"},
            "python3 -m pip install --break-system-packages 'torch>=2.6'",
        ),
        (
            {"uv": "uv", "is_externally_managed": True, "python": "/usr/bin/python3"},
            "uv pip install --python /usr/bin/python3 --break-system-packages 'torch>=2.6'",
        ),
        (
            {"conda": "conda", "has_ensurepip": True, "python": "python"},
            "conda install --yes --prefix /v pip && python -m pip install 'torch>=2.6'",
        ),
        (
            {"has_ensurepip": True, "python": "python"},
            "python -m ensurepip && python -m pip install 'torch>=2.6'",
        ),
        (
            {},
            f"{UV_INSTALLER} && ~/.local/bin/uv pip install --python /v/bin/python 'torch>=2.6'",
        ),
    ],
)
def test_the_installer_that_the_environment_has_is_used(facts, command):
    assert install_command(["torch>=2.6"], having(**facts)) == command


def test_requirements_and_options_are_quoted_for_the_shell():
    command = install_command(
        ["psycopg[binary]>=3.2", "-e", "/a b"], having(uv="uv", is_active=True), ["--upgrade"]
    )
    assert command == "uv pip install --upgrade 'psycopg[binary]>=3.2' -e '/a b'"


def test_what_overwrote_files_is_removed_before_they_come_back():
    assert replace_command("b", "a", having(uv="uv", is_active=True)) == (
        "uv pip uninstall b && uv pip install --force-reinstall --no-deps a"
    )
    brought_once = replace_command("b", "a", having(has_ensurepip=True, python="python"))
    assert brought_once.count("ensurepip") == 1


def test_checking_changes_nothing_and_needs_no_permission():
    managed = having(has_pip=True, is_externally_managed=True, python="python3")
    assert check_command(managed) == "python3 -m pip check"
    assert check_command(having(uv="uv")) == "uv pip check --python /v/bin/python"


def test_a_conversion_leaves_the_environment_alone():
    with_uv = conversion_command(["torch", "flax>1"], 'print("x")', having(uv="uv"))
    assert with_uv == ("uv run --no-project --with torch --with 'flax>1' python -c 'print(\"x\")'")
    without = conversion_command(["torch"], "1", having(has_pip=True))
    assert without == (
        "/v/bin/python -m venv converter && converter/bin/python -m pip install torch && "
        "converter/bin/python -c 1"
    )
