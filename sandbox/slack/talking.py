"""What people do with messages: say, edit, delete, react; and what other bots and Slack itself do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sandbox.slack.entities import as_typed, escape, rich_text
from sandbox.slack.looking import Looking
from sandbox.slack.messages import Change, Content, Json, Message, Reaction, SharedFile
from sandbox.slack.world import Channel, User


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that somebody sends."""

    __pydantic_config__ = {"val_json_bytes": "base64", "ser_json_bytes": "base64"}  # noqa: RUF012

    name: str
    content: bytes
    media_type: str = "application/octet-stream"


class Talking(Looking):
    """People talk. They and channels are given by id or name: `ada`, `#general`, `@ada` for her
    direct messages with the bot. Messages are given as such, or by their `key`."""

    def say(
        self,
        text: str,
        *,
        by: str = "ada",
        channel: str = "general",
        thread_ts: str | None = None,
        mention: bool = False,
        files: Sequence[Upload] = (),
        broadcast: bool = False,
    ) -> Message:
        """Somebody types something; with `mention` the bot is mentioned first.

        Raises:
            ValueError: nobody could say it there.
        """
        where, author = self._where(channel, by)
        typed = as_typed(text, self._platform.world, where.team_id)
        if mention:
            typed = f"<@{self._bot_of(where)}> {typed}".rstrip()
        shared = tuple(self._share(upload, author) for upload in files)
        subtype = "file_share" if shared else "thread_broadcast" if broadcast else None
        ids = self._platform.ids
        blocks: tuple[Json, ...] = (rich_text(typed, ids.secret()[:5]),) if typed else ()
        message = Message(
            team_id=author.team_id,
            channel_id=where.id,
            ts=ids.ts(),
            user_id=author.id,
            thread_ts=thread_ts,
            broadcast=broadcast,
            subtype=subtype,
            client_msg_id=ids.uuid(),
            versions=self._platform.first_version(Content(text=typed, blocks=blocks, files=shared)),
        )
        return self._platform.post(message)

    def edit(self, message: Message | str, text: str) -> Message:
        """The author changes what a message says."""
        before = self.find(message)
        typed = as_typed(text, self._platform.world, before.team_id)
        edited = replace(before, edited_ts=self._platform.ids.ts(), edited_by=before.user_id)
        blocks = (rich_text(typed, self._platform.ids.secret()[:5]),)
        content = replace(before.content, text=typed, blocks=blocks)
        return self._platform.change(edited, Change.EDITED, content)

    def delete(self, message: Message | str) -> Message:
        """Somebody who may takes a message away, the bot's too."""
        return self._platform.delete(self.find(message))

    def unfurl(self, message: Message | str, url: str, title: str = "A page") -> Message:
        """Slack adds a preview of a link: a change of which nobody typed anything."""
        before = self.find(message)
        preview = {"from_url": url, "title": title, "fallback": title, "service_name": "Web"}
        content = replace(before.content, attachments=(*before.content.attachments, preview))
        return self._platform.change(before, Change.UNFURLED, content)

    def react(self, message: Message | str, name: str = "thumbsup", *, by: str = "ada") -> None:
        """Somebody adds an emoji."""
        found = self.find(message)
        user = self._platform.world.user(by)
        changed = replace(found, reactions=(*found.reactions, Reaction(name, user.id)))
        self._platform.note_message(changed)
        self._platform.announcer.happened(
            "reaction_added",
            {
                "user": user.id,
                "reaction": name,
                "item_user": found.user_id,
                "item": {"type": "message", "channel": found.channel_id, "ts": found.ts},
            },
            self._platform.world.channel(found.channel_id),
        )

    def bot_says(
        self,
        text: str,
        *,
        channel: str = "general",
        thread_ts: str | None = None,
        name: str = "Another bot",
        mention: bool = False,
    ) -> Message:
        """Another bot or a webhook posts something: subtype `bot_message`."""
        where = self._platform.world.channel(channel)
        typed = escape(text)
        if mention:
            typed = f"<@{self._bot_of(where)}> {typed}"
        return self._platform.post(
            Message(
                team_id=where.team_id,
                channel_id=where.id,
                ts=self._platform.ids.ts(),
                user_id=self._other_bot(where.team_id).id,
                bot_id="B0ANOTHER1",
                username=name,
                subtype="bot_message",
                thread_ts=thread_ts,
                versions=self._platform.first_version(Content(text=typed)),
            )
        )

    def _where(self, channel: str, by: str) -> tuple[Channel, User]:
        world = self._platform.world
        where = world.channel(channel)
        author = world.user(by)
        if channel.startswith("@") and where.is_direct:
            author = world.user(channel)
        if author.id not in where.members:
            raise ValueError(f"{author.name} is not in {where.name or where.id}")
        if where.archived:
            raise ValueError(f"{where.name} is archived")
        return where, author

    def _share(self, upload: Upload, author: User) -> SharedFile:
        file = SharedFile(
            id=self._platform.ids.entity("F"),
            team_id=author.team_id,
            user_id=author.id,
            name=upload.name,
            title=upload.name,
            media_type=upload.media_type,
            size_bytes=len(upload.content),
            created_at=self._platform.clock.now(),
        )
        self._platform.files[file.id] = file
        self._platform.file_contents[file.id] = upload.content
        return file

    def _bot_of(self, channel: Channel) -> str:
        return self._platform.world.installation(channel.team_id).bot_user_id

    def _other_bot(self, team_id: str) -> User:
        bot = User(
            id="U0ANOTHER1",
            team_id=team_id,
            name="another",
            real_name="Another bot",
            is_bot=True,
            bot_id="B0ANOTHER1",
        )
        self._platform.world.keep(bot)
        return bot
