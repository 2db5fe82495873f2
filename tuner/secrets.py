"""Keeps passwords out of what people and files are shown."""

import os
import re
from typing import Any

MASK = "***"

_LOGIN = re.compile(
    r"(PASSWORD|PASSWD|PASSPHRASE|SECRET)S?(_|\d|$)"  # PGPASSWORD, MY_SECRET_KEY
    r"|TOKEN\d*$|(API|ACCESS|SECRET|PRIVATE|ACCOUNT)_?KEYS?(_|\d|$)"
    r"|(^|_)(KEYS?|PASS|CREDENTIALS?|PAT)\d*$|_PWD\d*$",  # KAGGLE_KEY, DB_PASS; not PWD, OLDPWD
    re.IGNORECASE,
)
"""Names of environment variables that hold a secret."""

_PLACE = re.compile(
    r"_(FILE|PATH|DIR|FOLDER|URL|URI|NAME|HOST|HELPER|CMD|COMMAND)$", re.IGNORECASE
)
"""Names of environment variables that say where a secret is."""

_LONG_SECRET = 8
"""Characters; a shorter value would be found where it means nothing."""

_SHORT_SECRET = re.compile(r"(?=.*[^\W\d_])(?=.*[\W\d_]).{5,}")
"""A shorter value that is no word either; it is masked where it stands alone."""

_SCHEME = r"(?P<scheme>[A-Za-z][\w+.-]*:/{1,2})"
"""With one slash where a path was made of the URL."""

_URL = re.compile(rf"{_SCHEME}(?P<user>[^\s:/@]*)(?P<password>:\S*)?@")
_ONLY_URL = re.compile(rf"\A{_SCHEME}(?P<user>[^\s:/@]*)(?P<password>:[^\n]*)?@(?=[^@\n]*\s*$)")
_QUERY = re.compile(
    r"(?P<key>[?&][\w.%-]*(?:passw(?:or)?d|pwd|passphrase|token|secret|api_?key|"
    r"accountkey|credential|signature)[\w.%-]*=)[^\s&#'\"]+",
    re.IGNORECASE,
)


def hidden(text: str) -> str:
    """The text with every secret in it masked: `postgresql://me:***@host/studies`.

    Secrets are the password before a URL's host, for `http` and `https` also a lone user name,
    which is a token as a rule, query values whose key names a password, token or key, and the
    values of environment variables such as HF_TOKEN and MLFLOW_TRACKING_PASSWORD.

    Args:
        text: A URL, or a message in which URLs and what libraries say stand.
    """
    text = _URL.sub(_masked, _ONLY_URL.sub(_masked, text))
    text = _QUERY.sub(rf"\g<key>{MASK}", text)
    for secret in _logins():
        pattern = re.escape(secret)
        if len(secret) < _LONG_SECRET:
            pattern = rf"(?<!\w){pattern}(?!\w)"
        text = re.sub(pattern, MASK, text)
    return text


def hidden_values(value: Any) -> Any:
    """Nested dicts and lists with the secrets of all texts in them masked."""
    if isinstance(value, dict):
        return {key: hidden_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [hidden_values(item) for item in value]
    return hidden(value) if isinstance(value, str) else value


def _logins() -> list[str]:
    """Secrets that the environment holds, the longest first: one may be part of another."""
    found = {
        value.strip()
        for name, value in os.environ.items()
        if _LOGIN.search(name) and not _PLACE.search(name)
    }
    secrets = (value for value in found if _is_secret(value))
    return sorted(secrets, key=len, reverse=True)


def _is_secret(value: str) -> bool:
    """True if a value can be masked without masking what it does not mean."""
    if value.startswith("/") and os.path.exists(value):  # noqa: PTH110  (never raises)  # A file that holds the secret.
        return False
    return len(value) >= _LONG_SECRET or _SHORT_SECRET.fullmatch(value) is not None


def _masked(found: re.Match[str]) -> str:
    scheme, user = found["scheme"], found["user"]
    if found["password"] is not None:
        return f"{scheme}{user}:{MASK}@"
    return f"{scheme}{MASK}@" if scheme.lower().startswith("http") else found[0]
