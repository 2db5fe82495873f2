"""Soups: averages of the weights of trained models (Wortsman 2022), and their selection."""

from tuner.soup.kept import (
    Candidate,
    candidates,
    is_due,
    leading,
    member_of,
    model_key,
    obstacle,
    refusal,
)
from tuner.soup.records import Gain, LeftOut, Member, Soup, Step
from tuner.soup.request import MemberFile, SoupProgress, SoupRequest
from tuner.soup.stored import SOUP, StoredSoup, soup_folder_name
from tuner.soup.text import left_out_text, provenance_of, soup_facts, soup_lines, soup_metrics

__all__ = [
    "SOUP",
    "Candidate",
    "Gain",
    "LeftOut",
    "Member",
    "MemberFile",
    "Soup",
    "SoupProgress",
    "SoupRequest",
    "Step",
    "StoredSoup",
    "candidates",
    "is_due",
    "leading",
    "left_out_text",
    "member_of",
    "model_key",
    "obstacle",
    "provenance_of",
    "refusal",
    "soup_facts",
    "soup_folder_name",
    "soup_lines",
    "soup_metrics",
]
