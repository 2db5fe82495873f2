"""Models whose weights were moved at random, as training would, and their files."""

import numpy as np

from tuner.soup import Member


def trained(data, *, seed, part=True, frozen=False):
    """A classifier after a training that is not made.

    Args:
        data: Data of the trial.
        seed: Seed of head and movement.
        part: True if only the rows of the embedding that occur were trained.
        frozen: True if only the head was trained.
    """
    from tuner.training.model import Classifier
    from tuner.training.vocabulary import Vocabulary

    vocabulary = Vocabulary(data.vocabulary) if part else None
    made = Classifier(
        data.checkpoint, len(data.labels), head=data.task.head, vocabulary=vocabulary
    )
    made.reset(seed, 0.0)
    random = np.random.default_rng(seed)
    head = {each.name for each in made.head.parameters}
    for variable in made.variables:
        if not frozen or variable.name in head:
            factor = random.uniform(0.9, 1.1, variable.shape)
            variable.assign(variable.numpy() * factor.astype(np.float32))
    return made


def saved(folder, data, classifiers):
    """Paths of classifiers' files, by members of trials numbered from 0."""
    from tuner.training.member import MemberRecord, save_member

    folder.mkdir(exist_ok=True)
    paths = {}
    for number, classifier in enumerate(classifiers):
        path = folder / f"{number}.safetensors"
        save_member(path, classifier, MemberRecord.of(data))
        paths[Member(trial=number, seed=0)] = path
    assert set(folder.iterdir()) == set(paths.values())  # nothing beside them
    return paths
