"""Structured output: what a thread, a message or a file says, as a table and as files."""

import re
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, Field, create_model

from bot.plugins import Answer, Context, ExtractionError, Plugin, Table, Told

MAX_FIELDS = 20
MAX_FILE_BYTES = 500_000
SHOWN_ROWS = 30
TYPES: dict[str, Any] = {"text": str, "number": float, "date": date, "yes/no": bool}

plugin = Plugin("extract", api=1, summary="People, places or any fields of a text, as a table.")


class Entity(BaseModel):
    """Somebody or something that is named."""

    kind: Literal["person", "organisation", "location"]
    name: str
    about: str = Field(description="What the text says about it, in a few words")


class Entities(BaseModel):
    """All that are named, each once."""

    rows: list[Entity]


@plugin.command("entities")
async def entities(ctx: Context) -> Answer:
    """The people, organisations and locations named in this thread, or in a file you attach."""
    found = await _extracted(ctx, Entities, "List every person, organisation and location, once.")
    rows = [(each.kind, each.name, each.about) for each in found.rows]
    return _answer(Table(("Kind", "Name", "About"), rows))


@plugin.command("extract")
async def extract(ctx: Context, fields: str) -> Answer:
    """A table with the fields you name, such as: /extract name, amount: number, due: date

    It is read from the file you attach, or else from what was said in this thread. A field is text
    unless you say `number`, `date` or `yes/no`.
    """
    columns = _columns(fields)
    cells: dict[str, Any] = {key: (kind | None, None) for key, _, kind in columns}
    row = create_model("Row", **cells)
    table = create_model("Rows", rows=(list[row], ...))
    names = ", ".join(name for _, name, _ in columns)
    instructions = (
        f"Make a table with the columns {names}: one row for each thing in the text that has them. "
        "Leave empty what the text does not say."
    )
    found: Any = await _extracted(ctx, table, instructions)
    rows = [[getattr(each, key) for key, _, _ in columns] for each in found.rows]
    return _answer(Table([name for _, name, _ in columns], rows))


def _columns(fields: str) -> list[tuple[str, str, Any]]:
    """(key, name, type) of each field. Raises `Told`."""
    columns: dict[str, tuple[str, str, Any]] = {}
    for part in re.split(r",|;|\band\b|\bund\b", fields):
        name, _, kind = (each.strip() for each in part.partition(":"))
        key = re.sub(r"\W+", "_", name.lower()).strip("_")
        if not key:
            continue
        if kind and kind not in TYPES:
            raise Told(f"`{kind}` is no kind of field; there are {', '.join(TYPES)}.")
        columns[f"f_{key}"] = (f"f_{key}", name, TYPES[kind or "text"])
    if not 1 <= len(columns) <= MAX_FIELDS:
        raise Told(f"Name between one and {MAX_FIELDS} fields, with commas between them.")
    return list(columns.values())


async def _extracted(ctx: Context, kind: type[BaseModel], instructions: str) -> Any:
    try:
        return await ctx.claude.extract(kind, await _text(ctx), instructions=instructions)
    except ExtractionError as error:
        ctx.log.warning("nothing extracted", kind=error.kind)
        raise Told(
            "I could not make a table of that. Fewer fields, or a shorter text, may help."
        ) from error


async def _text(ctx: Context) -> str:
    """The attached files, or else the thread. Raises `Told` if there is neither."""
    texts = []
    for attachment in ctx.message.attachments:
        content = await ctx.read(attachment, max_bytes=MAX_FILE_BYTES)
        try:
            texts.append(content.decode())
        except UnicodeDecodeError as error:
            raise Told(
                f"I can only read text files here, and {attachment.name} is none."
            ) from error
    if not texts:
        texts = [each.text for each in await ctx.history()]
    if not any(text.strip() for text in texts):
        raise Told("There is nothing to read: attach a text file, or use this in a thread.")
    return "\n\n".join(texts)


def _answer(table: Table) -> Answer:
    if not table.rows:
        return Answer("I found nothing of that kind.")
    shown = Table(table.columns, table.rows[:SHOWN_ROWS]).markdown()
    left = len(table.rows) - SHOWN_ROWS
    more = f"\n\n… and {left} more in the files." if left > 0 else ""
    return Answer(
        f"{shown}{more}", (table.csv_file("extract.csv"), table.json_file("extract.json"))
    )
