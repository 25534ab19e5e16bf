"""Makes a report's digest: figures, names, words and a picture."""

from collections.abc import Sequence
from datetime import datetime

from bot.money.periods import Period
from bot.reports.digest import TOP, Digest, digest
from bot.reports.figures import Figures, FiguresReader
from bot.reports.names import NameFinder, Names
from config.catalogue import Catalogue
from config.reports import ReportSettings
from storage.subjects import DIRECT
from storage.usage import Share


class DigestMaker:
    """Makes digests. Raises `StorageError`."""

    def __init__(self, *, figures: FiguresReader, names: NameFinder, catalogue: Catalogue) -> None:
        self._figures = figures
        self._names = names
        self._catalogue = catalogue

    async def digest(
        self,
        report: ReportSettings,
        period: Period,
        *,
        now: datetime,
        late_since: datetime | None = None,
    ) -> Digest:
        """The digest, without its picture."""
        made, _ = await self.both(report, period, now=now, late_since=late_since)
        return made

    async def both(
        self,
        report: ReportSettings,
        period: Period,
        *,
        now: datetime,
        late_since: datetime | None = None,
    ) -> tuple[Digest, Figures]:
        """The same with the figures that it was made from."""
        figures = await self._figures.read(report.period, period, now=now)
        made = digest(
            figures,
            title=title_of(report),
            names=await self._named(figures, now, people=report.people),
            catalogue=self._catalogue,
            people=report.people,
            late_since=late_since,
        )
        return made, figures

    async def _named(self, figures: Figures, now: datetime, *, people: bool) -> Names:
        unusual = [each.channel_key for each in figures.unusual_channels]
        channels = dict.fromkeys([*_top(figures.channels), *unusual])
        return Names(
            await self._names.channels(channels),
            await self._names.people(_top(figures.people), now=now) if people else {},
        )


def title_of(report: ReportSettings) -> str:
    """`Weekly digest`."""
    return f"{report.name.replace('-', ' ').replace('_', ' ').capitalize()} digest"


def _top(sums: Sequence[Share]) -> list[str]:
    found = [each.subject for each in sums if each.requests][:TOP]
    return [key for key in found if key is not None and key != DIRECT]
