"""Lock and heartbeats of a study's agents in a database server, in tables of our own."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Engine,
    MetaData,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.functions import FunctionElement

_METADATA = MetaData()
_LOCKS = Table("tuner_locks", _METADATA, Column("study", String(512), primary_key=True))
_AGENTS = Table(
    "tuner_agents",
    _METADATA,
    Column("agent", String(64), primary_key=True),
    Column("heartbeat", DateTime, nullable=False),
)


class ServerCoordination:
    """Lock and heartbeats in a database; see `tuner.study.coordination.Coordination`.

    The lock is a row lock in a transaction that stays open while it is held. If the agent is
    suspended for too long, the server ends the transaction and with it the lock.
    """

    def __init__(self, engine: Engine, study: str, agent: str) -> None:
        """Make the missing tables.

        Args:
            engine: Engine of the database.
            study: Name of the study.
            agent: Name of this agent.
        """
        self._engine = engine
        self._study = study
        self._agent = agent
        self._held: Connection | None = None
        _METADATA.create_all(engine)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """See `Coordination`."""
        row = select(_LOCKS).where(_LOCKS.c.study == self._study).with_for_update()
        with self._engine.connect() as connection:
            if connection.execute(row).first() is None:
                connection.rollback()
                with suppress(IntegrityError), connection.begin():
                    connection.execute(insert(_LOCKS).values(study=self._study))
                connection.execute(row).one()
            self._held = connection
            try:
                yield
            finally:
                self._held = None

    def check(self) -> None:
        """See `Coordination`."""
        if self._held is None:
            raise ConnectionError("the lock is not held")
        self._held.execute(select(1))

    def touch(self) -> None:
        """See `Coordination`."""
        with self._engine.begin() as connection:
            self._touch(connection, self._agent)

    def silences(self, agents: Collection[str]) -> dict[str, float]:
        """See `Coordination`.

        The heartbeats of an agent without a row were written elsewhere by another version of this
        program: its silence begins now.
        """
        query = select(_AGENTS, self._now().label("now")).where(_AGENTS.c.agent.in_(agents))
        with self._engine.begin() as connection:
            self._touch(connection, self._agent)
            found = {
                row.agent: max(0.0, (row.now - row.heartbeat).total_seconds())
                for row in connection.execute(query)
            }
            for agent in set(agents) - set(found):
                with (
                    suppress(IntegrityError),
                    connection.begin_nested(),
                ):  # Another agent was faster.
                    self._touch(connection, agent)
        return {agent: found.get(agent, 0.0) for agent in agents}

    def _touch(self, connection: Connection, agent: str) -> None:
        heartbeat = update(_AGENTS).where(_AGENTS.c.agent == agent).values(heartbeat=self._now())
        if connection.execute(heartbeat).rowcount == 0:
            connection.execute(insert(_AGENTS).values(agent=agent, heartbeat=self._now()))

    def close(self) -> None:
        """See `Coordination`."""
        with self._engine.begin() as connection:
            connection.execute(delete(_AGENTS).where(_AGENTS.c.agent == self._agent))

    def _now(self) -> FunctionElement[datetime]:
        """Return the server's time in UTC; clocks and time zones of machines differ."""
        if self._engine.dialect.name == "postgresql":
            now: Any = func.timezone("UTC", func.clock_timestamp(), type_=DateTime)
        else:
            now = func.utc_timestamp(type_=DateTime)
        return now  # type: ignore[no-any-return]
