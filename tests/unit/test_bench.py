"""The benchmarks: that each still runs; what they find is not a test's affair."""

from pathlib import Path

import pytest

from tests.bench.__main__ import BENCHMARKS
from tests.bench.bench import Bench


@pytest.mark.parametrize("name", BENCHMARKS)
async def test_every_benchmark_still_runs(name: str, tmp_path: Path) -> None:
    """A quick run of each prints a table with a row at least."""
    for table in await BENCHMARKS[name](Bench(tmp_path, quick=True)):
        assert str(table).count("\n|") > 2
