"""Soups: averages of the weights of trained models (Wortsman 2022), and their selection."""

from tuner.soup.records import Gain, LeftOut, Member, Soup, Step
from tuner.soup.request import MemberFile, SoupProgress, SoupRequest

__all__ = [
    "Gain",
    "LeftOut",
    "Member",
    "MemberFile",
    "Soup",
    "SoupProgress",
    "SoupRequest",
    "Step",
]
