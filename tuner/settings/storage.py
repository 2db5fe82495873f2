"""Address of a study's storage: its kind, and whether other people share it."""

from tuner.settings.settings import JOURNAL, POSTGRESQL, SQLITE, StorageSettings

FILES = (SQLITE, JOURNAL)
"""Those that need no server, and no address: the study's folder has their file."""

EXAMPLES = {
    SQLITE: "storage.url=null, a file in the study's folder, or storage.url=sqlite:///FILE",
    JOURNAL: "storage.url=null, a file in the study's folder, or storage.url=journal:///FILE",
    POSTGRESQL: "storage.url=postgresql://USER@HOST/DATABASE, with the password in PGPASSWORD",
}
"""Kind to the remedy for an address of another kind."""


def kind(storage: StorageSettings) -> str:
    """Kind of the storage: `sqlite`, `journal`, or a database server's name."""
    return storage.name if storage.url is None else backend(storage.url)


def backend(url: str) -> str:
    """The kind that an address names: `postgresql` of `postgresql+psycopg://HOST/DATABASE`."""
    return with_driver(url).partition("://")[0].partition("+")[0]


def with_driver(url: str) -> str:
    """The address; one of PostgreSQL that names no driver gets the one that `tuner` installs."""
    scheme, mark, rest = url.partition("://")
    return f"postgresql+psycopg{mark}{rest}" if scheme in (POSTGRESQL, "postgres") else url


def is_server(storage: StorageSettings) -> bool:
    """True if the storage may contain the studies of other people."""
    is_address = storage.url is None or "://" in storage.url
    return is_address and kind(storage) not in FILES


def is_consistent(storage: StorageSettings) -> bool:
    """Check that there is an address if one is needed, of the kind that `name` requires.

    With `sqlite`, the default, any address may stand.
    """
    if storage.url is None:
        return storage.name in FILES
    return storage.name in (SQLITE, backend(storage.url))
