"""A report laid out for people: what a platform shows natively, as blocks or an embed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and a short value, shown beside others of its kind."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A heading and lines below it, each one line of Markdown."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """A title, a sentence or two, facts, listings and a note, in this order; Markdown but for the title.

    A picture that belongs to it is the first of the message's files.
    """

    title: str
    lead: str
    facts: tuple[Fact, ...] = ()
    listings: tuple[Listing, ...] = ()
    note: str = ""

    def markdown(self) -> str:
        """The same as plain Markdown, for platforms without a layout of their own."""
        facts = "\n".join(f"- {fact.label}: {fact.value}" for fact in self.facts)
        listings = (
            "\n".join((f"**{each.heading}**", *(f"- {line}" for line in each.lines)))
            for each in self.listings
        )
        note = f"_{self.note}_" if self.note else ""
        parts = (f"**{self.title}**", self.lead, facts, *listings, note)
        return "\n\n".join(part for part in parts if part)
