"""The documents: what they point to exists."""

import re
import shutil
from pathlib import Path

import pytest
from properdocs.commands.build import build
from properdocs.config import load_config

from config.reference import reference

PROJECT = Path(__file__).parents[2]
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")])


def anchors(document: Path) -> set[str]:
    """The fragments that a document's headings can be reached by."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_within_the_project_lead_somewhere(document: Path) -> None:
    """A reader who follows a link finds the file, and the heading in it."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", document.read_text()):
        path, _, fragment = target.partition("#")
        linked = (document.parent / path) if path else document
        assert linked.exists(), f"{document.name} links to {target}, which is not there"
        assert not fragment or fragment in anchors(linked), f"{document.name}: no heading {target}"


def test_every_decision_is_in_the_list() -> None:
    """Somebody who looks for the reason of something finds it."""
    decisions = PROJECT / "docs" / "decisions"
    listed = set(re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (decisions / "README.md").read_text()))
    assert listed == {path.name for path in decisions.glob("[0-9]*.md")}


def test_every_make_target_is_explained() -> None:
    """`make help` knows every command that there is."""
    makefile = (PROJECT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony
    explained = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))
    assert set(phony[1].split()) == explained
    assert (
        set(re.findall(r"\bmake ([a-z]+)\b`?", (PROJECT / "CONTRIBUTING.md").read_text()))
        <= explained
    )


def test_the_reference_of_settings_is_that_of_this_release() -> None:
    """`make docs` writes it anew from where each setting is explained."""
    assert (PROJECT / "docs" / "configuration.md").read_text() == reference()


def test_the_reference_explains_every_section_and_variable() -> None:
    """Whatever can be set can be looked up."""
    page = reference()
    defaults = (PROJECT / "config" / "defaults.toml").read_text()
    for section in re.findall(r"^#?\[+([a-z_]+)[\].]", defaults, re.MULTILINE):
        assert f"[{section}" in page, section
    for variable in re.findall(
        r"^([A-Z_]+)=", (PROJECT / "config" / ".env.example").read_text(), re.MULTILINE
    ):
        assert f"| `{variable}` |" in page, variable


def test_the_site_is_made_without_a_warning(tmp_path: Path) -> None:
    """Every page is reached from the others, every heading that is linked to is there."""
    shutil.copytree(PROJECT / "docs", tmp_path / "docs")
    shutil.copy(PROJECT / "properdocs.yml", tmp_path)
    build(load_config(str(tmp_path / "properdocs.yml")))
    made = {path.stem for path in (tmp_path / "build" / "site").glob("*.html")}
    written = {path.stem for path in (PROJECT / "docs").glob("*.md")}
    assert made == written
    first = (tmp_path / "build" / "site" / "index.html").read_text()
    for page in written - {"index"}:
        assert f'href="{page}.html"' in first, f"{page}.md is not in the nav of properdocs.yml"
