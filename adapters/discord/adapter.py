"""Discord as a platform. What each verb does stands in the module of its noun."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

import structlog

from adapters.discord import doctor
from adapters.discord.answering import Answering
from adapters.discord.calls import Calls
from adapters.discord.errors import Forbidden, TokenRefused
from adapters.discord.gateway import HEARTBEAT_TIMEOUT_S
from adapters.discord.identity import PLATFORM, answers_call, channel_of
from adapters.discord.introducing import introduced
from adapters.discord.listening import Listening, Tools
from adapters.discord.login import Account, account_of
from adapters.discord.marks import Marks
from adapters.discord.opening import ThreadOpener
from adapters.discord.places import Places
from adapters.discord.render import MAX_CHARS
from adapters.discord.rest import PUBLIC_API, Json, Rest
from adapters.discord.sending import Sender
from adapters.discord.throttle import GLOBAL_PER_S
from adapters.discord.typing_sign import TypingSigns
from bot.ports import (
    AdapterSetup,
    AdapterStore,
    Capabilities,
    Intake,
    OutgoingFile,
    Part,
    PlatformError,
    Shown,
)
from bot.vocabulary import Attachment, Channel, Clock, Finding, Message, Person, Thread

log = structlog.get_logger(__name__)

CODE_FILE_OVER_CHARS: Final = 6_000
"""Three messages of code are better read as a file."""
FIRST_RETRY_S: Final = 1.0
LONGEST_RETRY_S: Final = 30.0
FILE_HOSTS: Final = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
"""https://discord.com/developers/docs/reference#cdn-data; files are fetched from nowhere else."""


class DiscordAdapter:
    """Hears by the gateway, speaks by requests. A replica that holds no shard can answer all the same.

    Where Discord is depends on `api_url` alone: several adapters of one process may each have another.
    """

    def __init__(
        self,
        *,
        token: str,
        clock: Clock,
        store: AdapterStore,
        api_url: str = PUBLIC_API,
        threads: bool = False,
        catch_up_max_age_s: float = 86_400.0,
        heartbeat_timeout_s: float = HEARTBEAT_TIMEOUT_S,
        requests_per_s: int = GLOBAL_PER_S,
    ) -> None:
        self._clock = clock
        self._threads = threads
        self._catch_up_max_age_s = catch_up_max_age_s
        self._heartbeat_timeout_s = heartbeat_timeout_s
        self._rest = rest = Rest(
            token=token, clock=clock, api_url=api_url, requests_per_s=requests_per_s
        )
        self._places = Places(rest)
        self._opener = ThreadOpener(rest)
        self._marks = Marks(rest=rest, store=store, clock=clock)
        calls = Calls(store=store, clock=clock)
        self._tools = Tools(
            token=token,
            clock=clock,
            rest=rest,
            store=store,
            places=self._places,
            opener=self._opener,
            marks=self._marks,
            calls=calls,
        )
        self._sender = Sender(rest=rest, clock=clock, marks=self._marks)
        self._answering = Answering(
            rest=rest, calls=calls, sender=self._sender, marks=self._marks, clock=clock
        )
        self._typing = TypingSigns(rest=rest, clock=clock)
        self._listening: Listening | None = None
        self._capabilities = Capabilities(
            max_chars=MAX_CHARS,
            status=True,
            cards=True,
            code_file_over_chars=CODE_FILE_OVER_CHARS,
        )

    @classmethod
    def from_setup(cls, setup: AdapterSetup) -> "DiscordAdapter":
        """The adapter for `DISCORD_TOKEN`, at `DISCORD_API_URL`."""
        token = setup.secrets.get("DISCORD_TOKEN", "").strip()
        if not token:
            raise PlatformError("DISCORD_TOKEN is not set")
        return cls(
            token=token,
            clock=setup.clock,
            store=setup.store,
            api_url=setup.addresses.get("DISCORD_API_URL") or PUBLIC_API,
            threads=bool(setup.settings.get("threads", False)),
            catch_up_max_age_s=setup.catch_up_max_age_s,
        )

    @property
    def name(self) -> str:
        """`discord`."""
        return PLATFORM

    @property
    def capabilities(self) -> Capabilities:
        """Discord counts code points (https://github.com/discord/discord-api-docs/issues/1315)."""
        return self._capabilities

    @property
    def ready(self) -> bool:
        """Requests work, and every shard is heard, here or by another replica."""
        return self._listening is not None and self._listening.connected

    # Hearing

    async def run(self, intake: Intake) -> None:
        """Log in, hold shards, catch up, hand in.

        Raises:
            PlatformError: the token is not accepted, or no intents are granted.
        """
        self._listening = Listening(
            self._tools,
            account=await self._login(),
            intake=intake,
            threads=self._threads,
            catch_up_max_age_s=self._catch_up_max_age_s,
            heartbeat_timeout_s=self._heartbeat_timeout_s,
        )
        try:
            await self._listening.run()
        finally:
            self._listening = None

    async def _login(self) -> Account:
        pause_s = FIRST_RETRY_S
        while True:
            try:
                account = await account_of(self._rest)
            except TokenRefused as error:
                raise PlatformError(f"{doctor.TOKEN_REFUSED} {doctor.NEW_TOKEN}") from error
            except PlatformError as error:
                log.warning("Discord can't be asked who the bot is", error=str(error))
                await self._clock.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_RETRY_S)
            else:
                self._marks.own_id = account.me.id
                return account

    # Speaking

    async def show_status(self, thread: Thread, text: str | None) -> None:
        """The typing sign; a call shows one of its own from the start."""
        if answers_call(thread):
            if text is None:
                await self._answering.end_status(thread)
        elif text is None:
            self._typing.end(thread.key)
        else:
            spot = await self._opener.spot(thread)
            await self._typing.show(thread.key, spot.channel_id)

    async def post(self, thread: Thread, part: Part) -> Shown:
        """A new message, which is there once however often it is asked for."""
        if answers_call(thread):
            return await self._answering.post(thread, part)
        self._typing.end(thread.key)
        return await self._sender.post(thread, await self._opener.spot(thread), part)

    async def edit(self, thread: Thread, message_id: str, part: Part) -> Shown:
        """Change a message."""
        if answers_call(thread):
            return await self._answering.edit(thread, message_id, part)
        return await self._sender.edit(thread, await self._opener.spot(thread), message_id, part)

    async def send_file(self, thread: Thread, file: OutgoingFile) -> str:
        """A message with a file."""
        if answers_call(thread):
            return await self._answering.send_file(thread, file)
        return await self._sender.send_file(await self._opener.spot(thread), file)

    async def delete(self, thread: Thread, message_id: str) -> None:
        """Take a message away."""
        if answers_call(thread):
            return await self._answering.delete(thread, message_id)
        return await self._sender.delete(await self._opener.spot(thread), message_id)

    async def find(self, thread: Thread, mark: str) -> str | None:
        """The message with this mark."""
        if answers_call(thread):
            return await self._answering.find(thread, mark)
        return await self._marks.find(thread, await self._opener.spot(thread), mark)

    async def notice(self, thread: Thread, person: Person, text: str, mark: str) -> None:
        """A sentence without a sound; to a caller, for their eyes alone."""
        if answers_call(thread):
            return await self._answering.notice(thread, text, mark)
        return await self._sender.notice(await self._opener.spot(thread), text, mark)

    # Looking things up

    async def introduce(self, message: Message) -> Message:
        """The message with names for the codes that its event did not explain."""
        return await introduced(message, rest=self._rest, places=self._places)

    async def find_channel(self, target: str) -> Channel:
        """A channel by its id, a person by theirs: their direct messages."""
        try:
            place = await self._places.place(target)
        except Forbidden:
            channel: Json = await self._rest.ask(
                "POST", "/users/@me/channels", body={"recipient_id": target}
            )
            return channel_of(None, str(channel["id"]))
        return replace(channel_of(place.guild_id, place.id), name=place.name)

    async def said_before(self, message: Message) -> Sequence[Message]:
        """What was said in the thread, or in the chain of replies, before the bot was called."""
        if self._listening is None:
            return ()
        return await self._listening.said_before.of(message)

    async def fetch(self, attachment: Attachment, *, max_bytes: int) -> bytes:
        """A file, from Discord alone."""
        source = urlsplit(attachment.source)
        on_discord = source.scheme == "https" and source.netloc in FILE_HOSTS
        if not on_discord and source.netloc != self._rest.host:
            raise PlatformError(f"{attachment.name} is not on Discord")
        return await self._rest.fetch(attachment.source, max_bytes=max_bytes)

    async def diagnose(self) -> Sequence[Finding]:
        """Whether the token, the intents and the permissions are as they should be."""
        try:
            return await doctor.examine(self._rest)
        finally:
            await self._rest.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._typing.aclose()
        await self._rest.aclose()
