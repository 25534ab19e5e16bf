"""What keeps a batch from going on; every message says what to do."""


class BatchUnusable(Exception):
    """The batch can't begin: its items, its prompt or its state file are not as they must be."""


class BatchStopped(Exception):
    """The batch has stopped early. What is done is kept, and the same command goes on from there."""


class MaxCostReached(BatchStopped):
    """What may be spent does not suffice for another item."""

    def __init__(
        self, why: str = "the items left may cost more than --max-cost has room for"
    ) -> None:
        super().__init__(why)
