"""Where the tests' fork servers listen."""

from pathlib import Path

from tests.forking.address import LONGEST_ADDRESS, address_of
from tests.forking.programs import WORKER


def test_an_address_is_never_too_long_for_a_socket() -> None:
    """Whatever folder for temporary files the environment names."""
    usual = address_of(WORKER, run="run", temporary=Path("/somewhere"))
    assert usual.is_relative_to("/somewhere")
    deep = address_of(WORKER, run="run", temporary=Path("/somewhere", "deep" * 25))
    assert len(str(deep)) <= LONGEST_ADDRESS
