"""Keeps passwords out of what people and files are shown."""

import re
from typing import Any

MASK = "***"

_SCHEME = r"(?P<scheme>[A-Za-z][\w+.-]*://)"
_URL = re.compile(rf"{_SCHEME}(?P<user>[^\s:/@]*)(?P<password>:\S*)?@")
_ONLY_URL = re.compile(rf"\A{_SCHEME}(?P<user>[^\s:/@]*)(?P<password>:[^\n]*)?@(?=[^@\n]*\s*$)")
_QUERY = re.compile(
    r"(?P<key>[?&][\w.%-]*(?:passw(?:or)?d|pwd|passphrase|token|secret|api_?key|"
    r"accountkey|credential|signature)[\w.%-]*=)[^\s&#'\"]+",
    re.IGNORECASE,
)


def hidden(text: str) -> str:
    """The text with the secrets of every URL in it masked: `postgresql://me:***@host/studies`.

    Secrets are the password before the host, for `http` and `https` also a lone user name, which
    is a token as a rule, and query values whose key names a password, token or key.

    Args:
        text: A URL, or a message in which URLs stand.
    """
    text = _ONLY_URL.sub(_masked, text)
    return _QUERY.sub(rf"\g<key>{MASK}", _URL.sub(_masked, text))


def hidden_values(value: Any) -> Any:
    """Nested dicts and lists with the secrets of all texts in them masked."""
    if isinstance(value, dict):
        return {key: hidden_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [hidden_values(item) for item in value]
    return hidden(value) if isinstance(value, str) else value


def _masked(found: re.Match[str]) -> str:
    scheme, user = found["scheme"], found["user"]
    if found["password"] is not None:
        return f"{scheme}{user}:{MASK}@"
    return f"{scheme}{MASK}@" if scheme.lower().startswith("http") else found[0]
