"""Text from users as a terminal may show it: nothing in it moves the cursor or is left unseen."""

import unicodedata

_UNSEEN = {"Cc", "Cs", "Zl", "Zp"}
"""Control characters, halves of a surrogate pair, separators of lines and paragraphs."""

_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that change the order in which a terminal shows what follows."""


def printable(text: str, keep: str = "\n\t") -> str:
    r"""Replace what steers a terminal by its escape, `\x1b` for instance.

    Args:
        text: Any text.
        keep: Control characters that stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode()
        if character not in keep
        and (unicodedata.category(character) in _UNSEEN or character in _DIRECTIONS)
        else character
        for character in text
    )
