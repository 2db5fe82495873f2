"""A stand-in for the process that builds soups: its model says what it was made of."""

import json
import os
import time
from pathlib import Path

from tuner.confirmation import Score
from tuner.files.model_folder import save_complete
from tuner.soup import Gain, LeftOut, Soup, Step

DAMAGED = b"damaged"
"""Content of a member's file that cannot be read."""

HOLD, BEGUN = "hold", "begun"
"""Files in the working folder: the building waits while the first exists, and names its agent's
process in the second."""


def build(request, rejected=None):
    """Average all members whose files can be read."""
    here = [each for each in request.members if Path(each.path).read_bytes() != DAMAGED]
    members = sorted(each.member for each in here)

    def save(folder):
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps({"members": len(members)}))
        (folder / "model.safetensors").write_text(str(members))

    if rejected is None:
        save_complete(Path(request.folder), save)
    return Soup(
        objective=request.objective,
        steps=tuple(Step(member=each, alone=0.8, score=0.8, kept=True) for each in members),
        left_out=tuple(
            LeftOut(member=each.member, reason="its file is damaged")
            for each in request.members
            if each not in here
        ),
        single=members[0],
        single_of_all=members[0],
        selection_rows=20,
        acceptance_rows=20,
        gain=Gain(mean=0.0125, low=-0.01, high=0.035),
        scores={"accuracy": Score(value=0.91, error=0.02)},
        single_scores={"accuracy": Score(value=0.9, error=0.02)},
        rejected=rejected,
    )


def build_held(request, progress, environment):
    """The same for agents that are killed meanwhile."""
    with Path(BEGUN).open("a", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")
    while Path(HOLD).exists():
        time.sleep(0.02)
    return build(request)
