"""What people and administrators do, in a simulated Slack in another process."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import TypeAdapter

from sandbox.remote import RemoteSimulator
from sandbox.slack.messages import Message
from sandbox.slack.render import Visible
from sandbox.slack.talking import Upload
from sandbox.slack.world import Channel, ChannelKind, Installation, User

T = TypeVar("T")
Said = Message | Visible | str
"""A message, what is visible of it, or its `key`."""


class RemoteActing(RemoteSimulator):
    """The verbs of `SimulatedSlack`, to be awaited."""

    service = "Slack"

    async def say(
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
        """`SimulatedSlack.say`."""
        return await self._ask(
            "say", Message, text=text, by=by, channel=channel, thread_ts=thread_ts,
            mention=mention, files=TypeAdapter(Sequence[Upload]).dump_python(files, mode="json"),
            broadcast=broadcast,
        )  # fmt: skip

    async def edit(self, message: Said, text: str) -> Message:
        """`SimulatedSlack.edit`."""
        return await self._ask("edit", Message, message=key_of(message), text=text)

    async def delete(self, message: Said) -> Message:
        """`SimulatedSlack.delete`."""
        return await self._ask("delete", Message, message=key_of(message))

    async def unfurl(self, message: Said, url: str, title: str = "A page") -> Message:
        """`SimulatedSlack.unfurl`."""
        return await self._ask("unfurl", Message, message=key_of(message), url=url, title=title)

    async def react(self, message: Said, name: str = "thumbsup", *, by: str = "ada") -> None:
        """`SimulatedSlack.react`."""
        await self._tell("react", message=key_of(message), name=name, by=by)

    async def bot_says(
        self,
        text: str,
        *,
        channel: str = "general",
        thread_ts: str | None = None,
        name: str = "Another bot",
        mention: bool = False,
    ) -> Message:
        """`SimulatedSlack.bot_says`."""
        return await self._ask(
            "bot_says", Message, text=text, channel=channel, thread_ts=thread_ts, name=name,
            mention=mention,
        )  # fmt: skip

    async def press(self, message: Said, button: str, *, by: str = "ada") -> None:
        """`SimulatedSlack.press`."""
        await self._tell("press", message=key_of(message), button=button, by=by)

    async def press_in_view(self, view_id: str, button: str, *, by: str | None = None) -> None:
        """`SimulatedSlack.press_in_view`."""
        await self._tell("press_in_view", view_id=view_id, button=button, by=by)

    async def slash(
        self, command: str, text: str = "", *, by: str = "ada", channel: str = "general"
    ) -> None:
        """`SimulatedSlack.slash`."""
        await self._tell("slash", command=command, text=text, by=by, channel=channel)

    async def shortcut(
        self, callback_id: str, *, by: str = "ada", message: Said | None = None
    ) -> None:
        """`SimulatedSlack.shortcut`."""
        key = None if message is None else key_of(message)
        await self._tell("shortcut", callback_id=callback_id, by=by, message=key)

    async def open_home(self, *, by: str = "ada", tab: str = "home") -> None:
        """`SimulatedSlack.open_home`."""
        await self._tell("open_home", by=by, tab=tab)

    async def submit_view(
        self, view_id: str, values: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        """`SimulatedSlack.submit_view`."""
        await self._tell("submit_view", view_id=view_id, values=values)

    async def start_assistant_thread(self, *, by: str = "ada") -> str:
        """`SimulatedSlack.start_assistant_thread`."""
        return await self._ask("start_assistant_thread", str, by=by)

    async def stop_agent(self, channel: str, thread_ts: str, *, by: str = "ada") -> None:
        """`SimulatedSlack.stop_agent`."""
        await self._tell("stop_agent", channel=channel, thread_ts=thread_ts, by=by)

    async def add_workspace(
        self, name: str, *, bot_token: str | None = None, streaming: bool = True
    ) -> Installation:
        """`SimulatedSlack.add_workspace`."""
        return await self._ask(
            "add_workspace", Installation, name=name, bot_token=bot_token, streaming=streaming
        )

    async def add_user(
        self,
        name: str,
        *,
        real_name: str = "",
        display_name: str = "",
        admin: bool = False,
        workspace: str | None = None,
    ) -> User:
        """`SimulatedSlack.add_user`."""
        return await self._ask(
            "add_user", User, name=name, real_name=real_name, display_name=display_name,
            admin=admin, workspace=workspace,
        )  # fmt: skip

    async def add_channel(
        self,
        name: str,
        *,
        kind: ChannelKind = ChannelKind.PUBLIC,
        members: Sequence[str] | None = None,
        bot: bool = True,
        workspace: str | None = None,
        shared_with: Sequence[str] = (),
    ) -> Channel:
        """`SimulatedSlack.add_channel`."""
        return await self._ask(
            "add_channel", Channel, name=name, kind=kind, members=members, bot=bot,
            workspace=workspace, shared_with=shared_with,
        )  # fmt: skip

    async def join(self, channel: str, user: str) -> None:
        """`SimulatedSlack.join`."""
        await self._tell("join", channel=channel, user=user)

    async def invite_bot(self, channel: str, *, by: str = "ada") -> None:
        """`SimulatedSlack.invite_bot`."""
        await self._tell("invite_bot", channel=channel, by=by)

    async def remove_bot(self, channel: str, *, by: str = "ada") -> None:
        """`SimulatedSlack.remove_bot`."""
        await self._tell("remove_bot", channel=channel, by=by)

    async def archive(self, channel: str, *, by: str = "ada") -> None:
        """`SimulatedSlack.archive`."""
        await self._tell("archive", channel=channel, by=by)

    async def unarchive(self, channel: str, *, by: str = "ada") -> None:
        """`SimulatedSlack.unarchive`."""
        await self._tell("unarchive", channel=channel, by=by)

    async def set_streaming(self, allowed: bool, *, workspace: str | None = None) -> None:
        """`SimulatedSlack.set_streaming`."""
        await self._tell("set_streaming", allowed=allowed, workspace=workspace)

    async def set_scopes(self, scopes: Sequence[str], *, workspace: str | None = None) -> None:
        """`SimulatedSlack.set_scopes`."""
        await self._tell("set_scopes", scopes=scopes, workspace=workspace)

    async def revoke(self, *, workspace: str | None = None) -> None:
        """`SimulatedSlack.revoke`."""
        await self._tell("revoke", workspace=workspace)

    async def uninstall(self, *, workspace: str | None = None) -> None:
        """`SimulatedSlack.uninstall`."""
        await self._tell("uninstall", workspace=workspace)

    async def reinstall(self, *, workspace: str | None = None) -> Installation:
        """`SimulatedSlack.reinstall`."""
        return await self._ask("reinstall", Installation, workspace=workspace)

    async def oauth_code(self, *, workspace: str | None = None) -> str:
        """`SimulatedSlack.oauth_code`."""
        return await self._ask("oauth_code", str, workspace=workspace)

    async def _tell(self, verb: str, /, **arguments: Any) -> Any:
        return (await self._call("POST", verb, arguments))["result"]

    async def _ask(self, verb: str, returned: type[T], /, **arguments: Any) -> T:
        return TypeAdapter(returned).validate_python(await self._tell(verb, **arguments))

    async def _look(self, sight: str, returned: type[T]) -> T:
        answer = await self._call("GET", sight)
        return TypeAdapter(returned).validate_python(answer["result"])


def key_of(message: Said) -> str:
    """What control verbs take for a message."""
    return message if isinstance(message, str) else message.key
