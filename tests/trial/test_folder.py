"""Numbers of trials' folders: each is one process's."""

from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from tuner.trial.folder import StudyFolder


def test_a_number_is_taken_once(tmp_path):
    """Eight takers, each with a folder object of its own, as processes have."""

    def take(_):
        folder = StudyFolder(tmp_path, "train")
        return [folder.take_number() for _ in range(25)]

    with ThreadPoolExecutor(8) as pool:
        taken = list(chain.from_iterable(pool.map(take, range(8))))
    assert sorted(taken) == list(range(200))


def test_what_is_no_folder_of_ours_is_not_taken(tmp_path):
    folder = StudyFolder(tmp_path, "train")
    trials = tmp_path / "train" / "trials"
    (trials / "00004.bak").mkdir(parents=True)
    (trials / "00002").write_text("a file of the user's")
    assert [folder.take_number() for _ in range(2)] == [3, 4]
    assert (trials / "00002").read_text() == "a file of the user's"
