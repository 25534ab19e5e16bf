"""What people do with the app: press its buttons, use its commands, open its home, stop it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sandbox.slack.envelopes import EnvelopeKind
from sandbox.slack.looking import Looking
from sandbox.slack.messages import Message, StreamState
from sandbox.slack.render import Button, buttons_of
from sandbox.slack.response_urls import Place
from sandbox.slack.world import Channel, User

Body = dict[str, Any]


class Interacting(Looking):
    """People use the app."""

    def press(self, message: Message | str, button: str, *, by: str = "ada") -> None:
        """Press a button of a message, named by its label, action id or value.

        Raises:
            ValueError: it has no such button, or is gone.
        """
        found = self.find(message)
        if found.deleted_at is not None:
            raise ValueError(f"the message {found.key} was deleted")
        channel = self._platform.world.channel(found.channel_id)
        body = self._interaction("block_actions", by, channel.team_id) | {
            "container": _container(found),
            "channel": {"id": channel.id, "name": _name_of(channel)},
            "state": {"values": {}},
            "response_url": self._response_url(channel, by, found),
            "actions": [self._action(found.content.blocks, button)],
        }
        if found.ephemeral_for is None:  # Slack does not keep those
            body["message"] = self._platform.payloads.message(found)
        self._platform.courier.send(EnvelopeKind.INTERACTION, "block_actions", body)

    def press_in_view(self, view_id: str, button: str, *, by: str | None = None) -> None:
        """Press a button of a modal or a home; `by` is whoever sees it.

        Raises:
            ValueError: it has no such button.
        """
        view = self._platform.surfaces.views[view_id]
        user = self._platform.world.user(by or self._platform.surfaces.viewer_of(view_id))
        body = self._interaction("block_actions", user.id, user.team_id) | {
            "container": {"type": "view", "view_id": view_id},
            "view": view,
            "actions": [self._action(view["blocks"], button)],
        }
        self._platform.courier.send(EnvelopeKind.INTERACTION, "block_actions", body)

    def slash(
        self, command: str, text: str = "", *, by: str = "ada", channel: str = "general"
    ) -> None:
        """Use a slash command; what the acknowledgement says is shown to that person alone."""
        world = self._platform.world
        where, user = world.channel(channel), world.user(by)
        if channel.startswith("@") and where.is_direct:
            user = world.user(channel)
        workspace = world.workspace(where.team_id)
        payload: Body = {
            "token": world.app.verification_token,
            "team_id": workspace.id,
            "team_domain": workspace.domain,
            "channel_id": where.id,
            "channel_name": _name_of(where),
            "user_id": user.id,
            "user_name": user.name,
            "command": command,
            "text": text,
            "api_app_id": world.app.id,
            "is_enterprise_install": "false",
            "response_url": self._response_url(where, user.id, None),
            "trigger_id": self._platform.surfaces.new_trigger(user.id),
        }
        place = Place(channel_id=where.id, user_id=user.id, team_id=where.team_id)
        self._platform.courier.send(
            EnvelopeKind.COMMAND,
            command,
            payload,
            lambda answer: self._answer_command(place, answer),
        )

    def shortcut(
        self, callback_id: str, *, by: str = "ada", message: Message | str | None = None
    ) -> None:
        """Use a shortcut, a global one or one of a message."""
        if message is None:
            user = self._platform.world.user(by)
            body = self._interaction("shortcut", by, user.team_id)
        else:
            found = self.find(message)
            channel = self._platform.world.channel(found.channel_id)
            body = self._interaction("message_action", by, channel.team_id) | {
                "channel": {"id": channel.id, "name": _name_of(channel)},
                "message_ts": found.ts,
                "message": self._platform.payloads.message(found),
                "response_url": self._response_url(channel, by, found),
            }
        body |= {"callback_id": callback_id, "action_ts": self._platform.ids.ts()}
        self._platform.courier.send(EnvelopeKind.INTERACTION, str(body["type"]), body)

    def open_home(self, *, by: str = "ada", tab: str = "home") -> None:
        """Open the app's home, or with `tab="messages"` the direct messages with it."""
        world = self._platform.world
        user = world.user(by)
        channel = world.channel(f"@{user.name}", user.team_id)
        self._platform.announcer.send(
            world.installation(user.team_id),
            {
                "type": "app_home_opened",
                "user": user.id,
                "channel": channel.id,
                "tab": tab,
                "event_ts": self._platform.ids.ts(),
            },
        )

    def submit_view(
        self, view_id: str, values: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        """Submit a modal; `values` by block and action, as text or as Slack's own objects."""
        view = self._platform.surfaces.views[view_id]
        user = self._platform.world.user(self._platform.surfaces.viewer_of(view_id))
        stated = {
            block: {action: _stated(value) for action, value in actions.items()}
            for block, actions in (values or {}).items()
        }
        body = self._interaction("view_submission", user.id, user.team_id) | {
            "view": view | {"state": {"values": stated}},
            "response_urls": [],
        }
        self._platform.courier.send(
            EnvelopeKind.INTERACTION,
            "view_submission",
            body,
            lambda answer: self._answer_view(view_id, answer),
        )

    def start_assistant_thread(self, *, by: str = "ada") -> str:
        """Open the assistant; the `thread_ts` of the new thread in the direct messages."""
        world = self._platform.world
        user = world.user(by)
        channel = world.channel(f"@{user.name}", user.team_id)
        thread_ts = self._platform.ids.ts()
        self._platform.announcer.happened(
            "assistant_thread_started",
            {
                "assistant_thread": {
                    "user_id": user.id,
                    "context": {},
                    "channel_id": channel.id,
                    "thread_ts": thread_ts,
                }
            },
            channel,
        )
        return thread_ts

    def stop_agent(self, channel: str, thread_ts: str, *, by: str = "ada") -> None:
        """Press Slack's own stop button below a thread: its streams end, and the app is told."""
        where = self._platform.world.channel(channel)
        stopped = []
        for message in self._platform.messages.of_thread(where.id, thread_ts):
            if message.stream is StreamState.STREAMING:
                halted = replace(message, stream=StreamState.STOPPED_BY_USER)
                self._platform.note_message(halted)
                stopped.append(message.ts)
        self._platform.announcer.happened(
            "agent_session_stopped",
            {
                "channel": where.id,
                "thread_ts": thread_ts,
                "user": self._platform.world.user(by).id,
                "streaming_message_ts": stopped,
            },
            where,
        )

    def _action(self, blocks: Sequence[Mapping[str, Any]], wanted: str) -> Body:
        """What Slack says of a button that was pressed."""
        block, element, pressed = _pressed(blocks, wanted)
        return {
            "type": element.get("type"),
            "action_id": pressed.action_id,
            "block_id": str(block.get("block_id") or "b1"),
            "text": {"type": "plain_text", "text": pressed.label, "emoji": True},
            "value": pressed.value,
            "action_ts": self._platform.ids.ts(),
        }

    def _answer_command(self, place: Place, answer: Mapping[str, Any]) -> None:
        """Show what the acknowledgement of a command carries."""
        if answer:
            self._platform.response_urls.show(place, answer)

    def _answer_view(self, view_id: str, answer: Mapping[str, Any]) -> None:
        """Do what the acknowledgement of a submission says; an empty one closes the modal."""
        if answer.get("response_action") in ("update", "push"):
            self._platform.surfaces.replace_view(view_id, dict(answer["view"]))
        elif answer.get("response_action") != "errors":
            self._platform.surfaces.close_view(view_id)

    def _interaction(self, kind: str, by: str, team_id: str) -> Body:
        user: User = self._platform.world.user(by)
        workspace = self._platform.world.workspace(team_id)
        return {
            "type": kind,
            "user": {
                "id": user.id,
                "username": user.name,
                "name": user.name,
                "team_id": user.team_id,
            },
            "api_app_id": self._platform.world.app.id,
            "token": self._platform.world.app.verification_token,
            "trigger_id": self._platform.surfaces.new_trigger(user.id),
            "team": {"id": workspace.id, "domain": workspace.domain},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _response_url(self, channel: Channel, by: str, message: Message | None) -> str:
        user = self._platform.world.user(by)
        place = Place(
            channel_id=channel.id,
            user_id=user.id,
            team_id=channel.team_id,
            message_key=None if message is None else message.key,
            thread_ts=None if message is None else message.thread_ts,
        )
        return self._platform.response_urls.new(place)


def _container(message: Message) -> Body:
    found: Body = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel_id,
        "is_ephemeral": message.ephemeral_for is not None,
    }
    if message.thread_ts is not None:
        found["thread_ts"] = message.thread_ts
    return found


def _pressed(blocks: Sequence[Mapping[str, Any]], wanted: str) -> tuple[Body, Body, Button]:
    for block in blocks:
        for element in [*(block.get("elements") or ()), block.get("accessory") or {}]:
            for button in buttons_of([{"elements": [element]}]):
                if wanted in (button.label, button.action_id, button.value):
                    return dict(block), dict(element), button
    raise ValueError(f"there is no button {wanted!r}")


def _name_of(channel: Channel) -> str:
    return "directmessage" if channel.is_direct else channel.name


def _stated(value: Any) -> Any:
    return {"type": "plain_text_input", "value": value} if isinstance(value, str) else value
