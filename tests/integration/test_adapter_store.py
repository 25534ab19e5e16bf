"""What an adapter keeps from one start to the next: the double and the database keep it alike."""

from collections.abc import AsyncIterator, Callable

import pytest

from adapters.memory import MemoryStore, MemoryValues
from bot.engine.adapter_store import DatabaseAdapterStore
from bot.engine.taking_over import free_what_was_held
from bot.ports import AdapterStore
from bot.vocabulary import ManualClock, SystemClock
from storage.database import Database

StoreOf = Callable[[str], AdapterStore]
"""The store as the replica of this name sees it."""


class Stores:
    """Stores of several replicas over the same values, and the time they go by."""

    def __init__(self, of: StoreOf, clock: ManualClock) -> None:
        self.of = of
        self.clock = clock


class StoreContract:
    """What every store does. Subclasses provide the fixture `stores`."""

    async def test_values_are_kept_for_every_replica(self, stores: Stores) -> None:
        """What one sets another reads, until it is deleted; a value that was never set is None."""
        await stores.of("r1").set("cursor a", {"at": [1, "x"]})
        await stores.of("r1").set("cursor b", 2)
        await stores.of("r1").set("other", True)
        assert await stores.of("r2").get("cursor a") == {"at": [1, "x"]}
        assert await stores.of("r2").items("cursor ") == {
            "cursor a": {"at": [1, "x"]},
            "cursor b": 2,
        }
        await stores.of("r2").set("cursor a", None)
        assert await stores.of("r1").get("cursor a") is None
        assert await stores.of("r1").items("cursor ") == {"cursor b": 2}

    async def test_a_role_is_held_by_one(self, stores: Stores) -> None:
        """Others get it when it was given up or has run out, and not before; its holder can keep it."""
        first, second = stores.of("r1"), stores.of("r2")
        assert await first.hold("shard 0", for_s=30)
        assert not await second.hold("shard 0", for_s=30)
        assert await second.hold("shard 1", for_s=30)
        await stores.clock.advance(20)
        assert await first.hold("shard 0", for_s=30)
        await stores.clock.advance(20)
        assert not await second.hold("shard 0", for_s=30)
        await second.release("shard 0")
        assert not await second.hold("shard 0", for_s=30)
        await first.release("shard 0")
        assert await second.hold("shard 0", for_s=30)
        await stores.clock.advance(31)
        assert await first.hold("shard 0", for_s=30)

    async def test_roles_are_no_values(self, stores: Stores) -> None:
        """They are not among the items."""
        store = stores.of("r1")
        await store.hold("shard 0", for_s=30)
        assert await store.items() == {}


class TestMemoryStore(StoreContract):
    """The double."""

    @pytest.fixture
    def stores(self) -> Stores:
        """Stores over values in memory."""
        behind, clock = MemoryValues(), ManualClock()
        return Stores(lambda owner: MemoryStore(behind=behind, owner=owner, clock=clock), clock)


class TestDatabaseStore(StoreContract):
    """The real thing, on both databases."""

    @pytest.fixture
    async def stores(self, ready_url: str) -> AsyncIterator[Stores]:
        """Stores over a database."""
        clock = ManualClock()
        database = Database(ready_url, clock=clock)
        yield Stores(
            lambda owner: DatabaseAdapterStore(database=database, platform="irc", owner=owner),
            clock,
        )
        await database.close()


async def test_adapters_do_not_share(ready_url: str) -> None:
    """Each platform keeps its own, even under the same key."""
    database = Database(ready_url, clock=SystemClock())
    one, other = (
        DatabaseAdapterStore(database=database, platform=name, owner="r1") for name in ("a", "b")
    )
    await one.set("key", 1)
    assert await other.get("key") is None
    await database.close()


async def test_what_a_process_held_that_died_is_free_at_the_next_start(ready_url: str) -> None:
    """Where nobody else can be living, at once; else when it has run out. Values stay."""
    dead, other, started = (Database(ready_url, clock=SystemClock()) for _ in range(3))
    before = DatabaseAdapterStore(database=dead, platform="irc", owner="r1")
    after = DatabaseAdapterStore(database=started, platform="irc", owner="r2")
    await before.set("cursor", 7)
    assert await before.hold("shard 0", for_s=3600)
    await dead.close()
    other.sole_user()  # as long as this one lives, the role may be somebody's
    await free_what_was_held(started)
    assert not await after.hold("shard 0", for_s=3600)
    await other.close()
    await free_what_was_held(started)
    assert await after.hold("shard 0", for_s=3600) == ready_url.startswith("sqlite")
    assert await after.get("cursor") == 7
    await started.close()
