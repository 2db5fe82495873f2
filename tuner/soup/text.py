"""A soup in sentences, and as plain values of best.yaml."""

from collections.abc import Iterator
from typing import Any

from tuner.confirmation import CONFIDENCE
from tuner.soup.records import Gain, LeftOut
from tuner.soup.stored import StoredSoup
from tuner.trial.model_identity import models_text


def soup_lines(stored: StoredSoup) -> Iterator[str]:
    """Yield the result of building a soup in sentences.

    Args:
        stored: Soup of a study that counts.
    """
    soup, single = stored.soup, stored.instead_of.text
    if soup.rejected is not None:
        yield f"Not published, {soup.rejected}: the published model is {single}."
    else:
        score = soup.scores[soup.objective.removeprefix("val_")]
        yield (
            f"The published model is {stored.model.text}, with {soup.objective} {score.value:.4f} "
            f"on all validation rows; the best single model is {single}."
        )
    if soup.decisive is not None:
        other, gain = soup.decisive
        yield (
            f"On the {soup.acceptance_rows} rows that did not select its members, its gain over "
            f"{other.text} is {gain.mean:+.4f}{_ends(gain)}."
        )
    yield from map(left_out_text, soup.left_out)


def _ends(gain: Gain) -> str:
    if gain.low is None or gain.high is None:
        return ""
    return f" (95 % interval {gain.low:+.4f} to {gain.high:+.4f})"


def left_out_text(left_out: LeftOut) -> str:
    """Return the message about a model that is not averaged."""
    return f"Left out: {left_out.member.text}, {left_out.reason}."


def provenance_of(stored: StoredSoup) -> dict[str, Any]:
    """Return a soup as plain values of a configuration's provenance; best.yaml has them."""
    soup = stored.soup
    found: dict[str, Any] = {} if soup.rejected is None else {"rejected": soup.rejected}
    found["members"] = [{"trial": each.trial, "seed": each.seed} for each in soup.members]
    if soup.decisive is not None:
        other, gain = soup.decisive
        found |= {
            "gain": gain.mean,
            "interval": None if gain.low is None else [gain.low, gain.high],
            "confidence": CONFIDENCE,
            "compared_with": {"trial": other.trial, "seed": other.seed},
            "examples": soup.acceptance_rows,
        }
    found["scores"] = {
        name: {"value": score.value, "standard_error": score.error}
        for name, score in soup.scores.items()
    }
    return found


def soup_facts(stored: StoredSoup) -> dict[str, str]:
    """Return the tags of the sweep's run in MLflow that describe a soup."""
    members = [(each.trial, each.seed) for each in stored.soup.members]
    return {
        "soup": "published" if stored.soup.accepted else f"rejected: {stored.soup.rejected}",
        "soup_members": models_text(members) if members else "none",
    }


def soup_metrics(stored: StoredSoup) -> dict[str, float]:
    """Return the metrics of a soup for the sweep's run in MLflow."""
    soup = stored.soup
    found = {"soup_members": float(len(soup.members)), "soup_published": float(soup.accepted)}
    found |= {f"soup_{name}": score.value for name, score in soup.scores.items()}
    if soup.decisive is None:
        return found
    _, gain = soup.decisive
    figures = {"soup_gain": gain.mean, "soup_gain_low": gain.low, "soup_gain_high": gain.high}
    return found | {name: value for name, value in figures.items() if value is not None}
