"""The documents: what they point to exists."""

import re
from pathlib import Path

import pytest

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
