"""How what the locks list gets installed."""

import os
import subprocess
from pathlib import Path

import pytest

INSTALL = Path(__file__).parents[2] / ".ci" / "install"

SETTINGS = r"""
global.extra-index-url='\nhttps://one.example\nhttps://two.example'
global.index-url='https://nobody.example/simple'
global.proxy='http://proxy.example:8080'
:env:.index-url='https://index.example/simple'
"""
PIP = """\
#!/bin/sh
case "$*" in
*"config list") cat settings ;;
*) echo "pip $*" >> told ;;
esac
"""
UV = """\
#!/bin/sh
echo "uv $*" >> told
echo "$UV_DEFAULT_INDEX|$UV_INDEX|$HTTPS_PROXY" >> given
exit {status}
"""


class Place:
    """A folder in whose `.venv` neither is real."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def install(self, *, uv_status: int = 0, settings: str = SETTINGS) -> str:
        """Run it, with these settings of pip's; what it said."""
        (self._folder / "settings").write_text(settings)
        programs = {"python": PIP, "uv": UV.format(status=uv_status)}
        bin_folder = self._folder / ".venv" / "bin"
        bin_folder.mkdir(parents=True)
        for name, text in programs.items():
            (bin_folder / name).write_text(text)
            (bin_folder / name).chmod(0o755)
        return subprocess.run(
            [INSTALL, "some.lock"],
            cwd=self._folder,
            env={"PATH": os.environ["PATH"]},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

    def told(self, program: str) -> list[str]:
        """What was asked of a program."""
        lines = (self._folder / "told").read_text().splitlines()
        return [line for line in lines if line.startswith(f"{program} ")]

    def given(self) -> set[str]:
        """What uv found in its environment."""
        return set((self._folder / "given").read_text().splitlines())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Such a folder."""
    return Place(tmp_path)


def test_uv_installs_and_is_told_what_pip_was_told(place: Place) -> None:
    """Pip installs uv alone; what its environment says goes before what its files say."""
    assert place.install() == ""
    (pip,) = place.told("pip")
    assert pip.endswith("--require-hashes --only-binary :all: -r requirements-uv.lock")
    locked, itself = place.told("uv")
    assert locked.endswith("--require-hashes --only-binary :all: -r some.lock")
    assert itself.endswith("--no-deps --no-build-isolation --editable .")
    assert place.given() == {
        "https://index.example/simple|https://one.example https://two.example|http://proxy.example:8080"
    }


@pytest.mark.parametrize(
    ("uv_status", "settings"), [(1, SETTINGS), (0, f"{SETTINGS}global.no-index='true'\n")]
)
def test_pip_installs_where_uv_fails(place: Place, uv_status: int, settings: str) -> None:
    """Or where there is no index; it says so, and installs the same under the same rules."""
    assert "so pip does" in place.install(uv_status=uv_status, settings=settings)
    _, locked, itself = place.told("pip")
    assert locked.endswith("--require-hashes --only-binary :all: -r some.lock")
    assert itself.endswith("--no-deps --no-build-isolation --editable .")
