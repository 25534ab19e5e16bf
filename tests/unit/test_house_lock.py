"""The lock files: what a fresh machine installs."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = Path(__file__).parents[2]
LOCKS = ["requirements.lock", "requirements-dev.lock"]
INSTALLER = "requirements-uv.lock"


def declared(*, dev: bool) -> list[Requirement]:
    """What `pyproject.toml` asks for; the build backend is installed from the lock too."""
    pyproject = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    project = pyproject["project"]
    wanted = pyproject["build-system"]["requires"] + project["dependencies"]
    if dev:
        extras = project["optional-dependencies"]
        wanted = wanted + extras["otel"] + extras["dev"]
    return [Requirement(text) for text in wanted if not text.startswith("parley[")]


def pins(lock: str) -> dict[str, Version]:
    """The one version of each package in a lock file."""
    lines = (PROJECT / lock).read_text().splitlines()
    found = [re.match(r"([\w.-]+)==([^ ;]+)", line) for line in lines]
    pairs = [(canonicalize_name(pin[1]), Version(pin[2])) for pin in found if pin]
    assert len(pairs) == len(dict(pairs)), "a package is pinned twice"
    return dict(pairs)


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_declared_is_pinned_to_a_version_that_fits(lock: str) -> None:
    """A dependency that was added or raised without `make lock` is noticed here."""
    pinned = pins(lock)
    for requirement in declared(dev=lock == "requirements-dev.lock"):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version, f"run make lock: {requirement} is not pinned"
        assert version in requirement.specifier, f"run make lock: {requirement} has {version}"


@pytest.mark.parametrize("lock", [*LOCKS, INSTALLER])
def test_every_pin_has_hashes_and_no_line_an_address(lock: str) -> None:
    """What is installed is what was locked, wherever a machine fetches its packages from."""
    text = (PROJECT / lock).read_text()
    assert "://" not in text
    entries = re.split(r"\n(?=\S)", text.strip())
    assert len(entries) == len(pins(lock))
    for entry in entries:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry


def test_developers_run_the_versions_that_users_run() -> None:
    """The developers' lock adds tools and changes nothing."""
    runtime, dev = (pins(lock).items() for lock in LOCKS)
    assert runtime <= dev


def test_what_installs_is_one_tool_that_is_pinned_itself() -> None:
    """uv comes from the package index like all else, and brings nothing along."""
    assert set(pins(INSTALLER)) == {"uv"}
