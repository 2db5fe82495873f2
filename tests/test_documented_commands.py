"""Commands of README and docs/: known, with options, groups, keys and values that exist."""

import re
from pathlib import Path

import pytest

from tests.command_lines import SHELL, blocks, commands, compose, inline, program
from tests.packages import unpacked_wheel
from tuner.fields import plugins

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
]
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/pyproject.toml"))

BEST = "training: {seed: 1}\n"
"""Content of a file that an earlier command would have left."""


def named(page):
    return str(page.relative_to(ROOT))


def in_blocks(page):
    """Programs that the shell blocks of a page run, with their arguments."""
    for language, text in blocks(page):
        if language in SHELL:
            yield from map(program, commands(text))


def shown(page):
    """The same, and those in its sentences and tables."""
    yield from in_blocks(page)
    for text in inline(page):
        yield from map(program, commands(text))


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """Folders that hold the packages of examples/, which some pages install."""
    return [unpacked_wheel(each, tmp_path_factory.mktemp(each.name)) for each in EXAMPLES]


@pytest.fixture
def folder(packages, tmp_path, monkeypatch):
    """A working folder with what the commands of every page find there."""
    for each in packages:
        monkeypatch.syspath_prepend(each)
    plugins.plug_ins.cache_clear()
    (tmp_path / "outputs" / "lr_search").mkdir(parents=True)
    (tmp_path / "outputs" / "lr_search" / "best.yaml").write_text(BEST)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    plugins.plug_ins.cache_clear()


def write_files(page, folder):
    """Write the files that a page shows, each named by its block's first line, or redirects to."""
    for language, text in blocks(page):
        if language == "yaml" and (first := re.match(r"# (\S+/\S+\.yaml)\n", text)):
            path = folder / first[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for name in re.findall(r" > (\S+\.yaml)", text):
            (folder / name).write_text(BEST)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_command_of_tuner_composes(page, folder):
    write_files(page, folder)
    for name, arguments in in_blocks(page):
        if name == "tuner":
            compose(arguments, folder)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_script_exists_and_has_the_options(page):
    for name, arguments in shown(page):
        if not name.endswith(".py"):
            continue
        source = (ROOT / name).read_text(encoding="utf-8")
        for word in arguments:
            assert not word.startswith("--") or f'"{word.partition("=")[0]}"' in source, name


def sources(words):
    """Code of the tests that pytest would collect."""
    for path in (ROOT / word for word in words if word.startswith("tests/")):
        for file in path.rglob("*.py") if path.is_dir() else [path]:
            yield file.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_named_test_exists(page):
    for name, arguments in shown(page):
        if name != "pytest":
            continue
        code = "".join(sources(arguments))
        if "-k" in arguments:
            chosen = re.findall(r"\w+", arguments[arguments.index("-k") + 1])
            assert all(word in code for word in chosen if word not in ("and", "or", "not")), chosen
