"""The client of the process that builds soups, against stand-ins for that process."""

import json
import sys

import pytest

from tests.worker.trials import spec
from tuner.errors import InputError, TunerError
from tuner.soup import Gain, Member, MemberFile, Soup, SoupProgress, SoupRequest, Step
from tuner.trial.serialization import from_json, to_json, to_plain
from tuner.worker import soup_client
from tuner.worker.soup_client import build_soup

A, B = (Member(trial=number, seed=7) for number in (4, 2))
SOUP = Soup(
    objective="val_f1",
    steps=tuple(Step(member=each, alone=0.5, score=0.6, kept=True) for each in (A, B)),
    single=A,
    single_of_all=B,
    selection_rows=30,
    acceptance_rows=31,
    gain=Gain(mean=0.1, low=-0.1, high=0.3),
)


@pytest.fixture
def request_(tmp_path):
    return SoupRequest(
        settings=spec(0, tmp_path).settings,
        members=(MemberFile(member=A, path="/a"),),
        instead_of=A,
        objective="val_f1",
        folder="/soup",
    )


@pytest.fixture
def answering(monkeypatch):
    """Let a script take the place of the process; it has the request as `request`."""

    def replace(script):
        begin = "import json, os, sys\nrequest = json.loads(sys.stdin.readline())\n"
        command = (sys.executable, "-c", begin + script)
        monkeypatch.setattr(soup_client, "python_module", lambda *_: command)

    return replace


def said(**answer):
    return f"print('\\x1e' + {json.dumps(answer)!r}, flush=True)\n"


def test_a_soup_comes_after_its_progress(request_, answering):
    steps = [SoupProgress(done=done, total=2) for done in (1, 2)]
    lines = "".join(said(progress=to_plain(each)) for each in steps)
    answering(f"{lines}print('a library prints', flush=True)\n{said(soup=to_plain(SOUP))}")
    seen = []
    assert build_soup(request_, seen.append) == SOUP
    assert seen == steps


def test_the_process_gets_the_whole_request(request_, answering, tmp_path):
    answering(
        f"open({str(tmp_path / 'request')!r}, 'w').write(json.dumps(request))\n"
        + said(soup=to_plain(SOUP))
    )
    build_soup(request_)
    assert from_json(SoupRequest, (tmp_path / "request").read_text()) == request_


def test_the_process_has_the_devices_of_a_slot(request_, answering, tmp_path):
    answering(
        f"open({str(tmp_path / 'devices')!r}, 'w').write(os.environ['CUDA_VISIBLE_DEVICES'])\n"
        + said(soup=to_plain(SOUP))
    )
    build_soup(request_, environment={"CUDA_VISIBLE_DEVICES": "3"})
    assert (tmp_path / "devices").read_text() == "3"


def test_wrong_input_of_the_user_is_an_error_of_the_user(request_, answering):
    answering(said(problem={"problem": "no file", "where": "data.train", "remedy": "x"}))
    with pytest.raises(InputError) as caught:
        build_soup(request_)
    assert (caught.value.problem, caught.value.where) == ("no file", "data.train")


@pytest.mark.parametrize("death", ["sys.exit('out of luck')", "os.kill(os.getpid(), 9)"])
def test_a_process_that_dies_is_an_error_with_its_log(request_, answering, death):
    answering(f"print('last words', file=sys.stderr, flush=True)\n{death}")
    with pytest.raises(TunerError, match="last words"):
        build_soup(request_)


def test_a_process_is_ended_when_the_agent_gives_up(request_, answering):
    answering(said(progress={"done": 1, "total": 2}) + "sys.stdin.read()")

    def give_up(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_soup(request_, give_up)


def test_a_soup_is_stored_as_json():
    assert from_json(Soup, to_json(SOUP)) == SOUP
    assert SOUP.members == (A, B)
    assert SOUP.accepted
