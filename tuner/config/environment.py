"""References to environment variables (`${oc.env:NAME}`), and the keys that may have them.

A trial's values are written to best.yaml and MLflow and must be the same on every machine, so they
have to be in the configuration. The environment may contain addresses and logins.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from omegaconf import OmegaConf
from omegaconf.resolvers import oc

READERS = ("study", "output", "storage", "tracking", "launcher")
"""Keys and groups whose values may come from the environment."""

_MARKER = object()
_allowed: ContextVar[bool] = ContextVar("_allowed", default=False)


class EnvironmentRefusedError(Exception):
    """A key refers to the environment but must not."""


@contextmanager
def environment_for(key: str) -> Iterator[None]:
    """Allow references to the environment in the context if the key may have them."""
    token = _allowed.set(key in READERS)
    try:
        yield
    finally:
        _allowed.reset(token)


def _environment(name: str, default: Any = _MARKER) -> Any:
    """Resolve `oc.env` like OmegaConf, if it is allowed."""
    if not _allowed.get():
        raise EnvironmentRefusedError(name)
    return oc.env(name) if default is _MARKER else oc.env(name, default)


OmegaConf.register_new_resolver("oc.env", _environment, replace=True)
