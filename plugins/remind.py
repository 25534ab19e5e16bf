"""Questions at set times: "every Monday at 9 ask what is new", asked in the channel in your name."""

import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, field_validator

from bot.plugins import Channel, ChannelKind, Context, Person, Plugin, Role, Table, Told

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MAX_PER_CHANNEL = 50
PREFIX = "reminder "

_FLAGS = re.IGNORECASE | re.DOTALL
_CLOCK = r"(?:\s+at)?\s+(?P<hour>\d{1,2})(?:[:.](?P<minute>\d{2}))?\s*(?P<half>am|pm)?"
_EVERY = re.compile(
    rf"every\s+(?P<day>day|weekday|{'|'.join(DAYS)}){_CLOCK}\s+(?P<text>\S.*)",
    _FLAGS,
)
_ONCE = re.compile(
    rf"(?:on\s+)?(?P<day>today|tomorrow|\d{{4}}-\d\d-\d\d){_CLOCK}\s+(?P<text>\S.*)",
    _FLAGS,
)
_IN = re.compile(
    r"in\s+(?P<count>\d{1,4})\s+(?P<unit>minute|hour|day|week)s?\s+(?P<text>\S.*)",
    _FLAGS,
)
_VERB = re.compile(r"(?:ask|to)\s+", re.IGNORECASE)

HELP = (
    "Say it like this: `/remind every Monday at 9 ask What is new?`, `/remind tomorrow at 14:30 ask …`, "
    "`/remind 2026-12-24 at 8 ask …` or `/remind in 20 minutes ask …`."
)


class Settings(BaseModel):
    """In whose time zone the times are."""

    model_config = ConfigDict(extra="forbid")

    timezone: str = "UTC"

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, OSError, ValueError) as error:
            raise ValueError(f"{name} is no time zone, such as Europe/Oslo") from error
        return name


plugin = Plugin("remind", api=1, settings=Settings, summary="Questions asked at set times.")
Ctx = Context[Settings]


@plugin.command("remind")
async def remind(ctx: Ctx, what: str) -> str:
    """Ask something later, or again and again: /remind every Monday at 9 ask What is new?"""
    zone = ZoneInfo(ctx.settings.timezone)
    now = ctx.now().astimezone(zone)
    days, due, text = _understood(what.strip(), now)
    if due <= now:
        raise Told("That time has passed.")
    there = await ctx.store.everywhere.items(_prefix(ctx.channel))
    if len(there) >= MAX_PER_CHANNEL:
        raise Told(
            f"There are {MAX_PER_CHANNEL} reminders in this channel already; cancel one first."
        )
    number = await ctx.store.everywhere.update("numbers", lambda last: (last or 0) + 1)
    reminder = {
        "number": number,
        "days": days,
        "due": due.isoformat(),
        "text": text,
        "channel": [ctx.channel.platform, ctx.channel.workspace, ctx.channel.id, ctx.channel.kind],
        "person": [ctx.person.id, ctx.person.name],
    }
    await ctx.store.everywhere.set(f"{_prefix(ctx.channel)}{number}", reminder)
    return f"Reminder {number}: {_when(reminder, zone)} I will ask: {text}"


@plugin.command("reminders")
async def reminders(ctx: Ctx) -> str:
    """The reminders of this channel."""
    found = await ctx.store.everywhere.items(_prefix(ctx.channel))
    if not found:
        return "There are no reminders in this channel."
    zone = ZoneInfo(ctx.settings.timezone)
    rows = [
        (each["number"], _when(each, zone), each["text"], each["person"][1])
        for each in sorted(found.values(), key=lambda each: each["due"])
    ]
    return Table(("Number", "When", "Question", "By"), rows).markdown()


@plugin.command("unremind")
async def unremind(ctx: Ctx, number: int) -> str:
    """Cancel a reminder by its number; yours, or any if you are an admin."""
    key = f"{_prefix(ctx.channel)}{number}"
    found = await ctx.store.everywhere.get(key)
    if found is None:
        raise Told(f"There is no reminder {number} in this channel; `/reminders` lists them.")
    if found["person"][0] != ctx.person.id and not ctx.role.allows(Role.ADMIN):
        raise Told(
            f"Reminder {number} is {found['person'][1]}'s; only they or an admin can cancel it."
        )
    await ctx.store.everywhere.delete(key)
    return f"Reminder {number} is cancelled."


@plugin.job(cron="* * * * *")
async def ask_what_is_due(ctx: Ctx) -> None:
    """Put what is due to the bot; what was missed while it was down is asked late, once."""
    zone = ZoneInfo(ctx.settings.timezone)
    now = ctx.now()
    for key, each in (await ctx.store.everywhere.items(PREFIX)).items():
        due = datetime.fromisoformat(each["due"])
        if due > now:
            continue
        platform, workspace, channel, kind = each["channel"]
        await ctx.ask_bot(
            Channel(platform, workspace, channel, ChannelKind(kind)),
            Person(*each["person"]),
            each["text"],
            key=f"{each['number']} {each['due']}",
        )
        if each["days"]:
            following = _next(each["days"], due.astimezone(zone), now.astimezone(zone))
            await ctx.store.everywhere.set(key, {**each, "due": following.isoformat()})
        else:
            await ctx.store.everywhere.delete(key)


@plugin.forget
async def forget(ctx: Ctx, person: Person) -> None:
    """Cancel the reminders of a person; the same id in another workspace is somebody else's."""
    here = [ctx.channel.platform, ctx.channel.workspace]
    for key, each in (await ctx.store.everywhere.items(PREFIX)).items():
        if each["person"][0] == person.id and each["channel"][:2] == here:
            await ctx.store.everywhere.delete(key)


def _understood(what: str, now: datetime) -> tuple[list[int], datetime, str]:
    """The weekdays on which it repeats (0 is Monday; none: once), when it is due first, and the
    question. Raises `Told`."""
    if found := _EVERY.fullmatch(what):
        days = _weekdays(found["day"].lower())
        return days, _next(days, _at(now, found), now), _question(found)
    if found := _ONCE.fullmatch(what):
        return [], _at(_day(found["day"].lower(), now), found), _question(found)
    if found := _IN.fullmatch(what):
        return (
            [],
            now + timedelta(**{f"{found['unit'].lower()}s": int(found["count"])}),
            _question(found),
        )
    raise Told(f"I did not understand when. {HELP}")


def _weekdays(day: str) -> list[int]:
    if day == "day":
        return list(range(7))
    return list(range(5)) if day == "weekday" else [DAYS.index(day)]


def _day(day: str, now: datetime) -> datetime:
    if day in ("today", "tomorrow"):
        return now + timedelta(days=day == "tomorrow")
    try:
        return datetime.combine(datetime.fromisoformat(day).date(), now.timetz())
    except ValueError as error:
        raise Told(f"{day} is no date.") from error


def _at(day: datetime, found: re.Match[str]) -> datetime:
    """That day's moment on the clock. Raises `Told` if there is none."""
    hour, minute = int(found["hour"]), int(found["minute"] or 0)
    if found["half"]:
        hour = hour % 12 + 12 * (found["half"].lower() == "pm")
    try:
        return day.replace(hour=hour, minute=minute, second=0, microsecond=0, fold=0)
    except ValueError as error:
        raise Told(f"There is no such time as {found['hour']}:{minute:02}.") from error


def _next(days: list[int], at: datetime, now: datetime) -> datetime:
    """The next moment after `now` with the time of `at`, on one of these weekdays, by the local clock."""
    moment = now.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0, fold=0)
    while moment <= now or moment.weekday() not in days:
        moment += timedelta(days=1)
    return moment


def _question(found: re.Match[str]) -> str:
    return _VERB.sub("", found["text"].strip(), count=1)


def _when(reminder: dict[str, Any], zone: ZoneInfo) -> str:
    due = datetime.fromisoformat(reminder["due"]).astimezone(zone)
    clock = f"{due:%H:%M} ({zone.key})"
    match reminder["days"]:
        case []:
            return f"on {due:%A}, {due.day} {due:%B %Y}, at {clock}"
        case [day]:
            return f"every {DAYS[day].capitalize()} at {clock}"
        case days:
            return f"every {'day' if len(days) == 7 else 'weekday'} at {clock}"


def _prefix(channel: Channel) -> str:
    return f"{PREFIX}{channel.key} "
