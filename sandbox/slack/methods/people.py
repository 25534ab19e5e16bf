"""`users.*`, `bots.info`, `team.info` and `reactions.*`."""

from dataclasses import replace

from sandbox.slack.call import Answer, Call, Method, Methods
from sandbox.slack.errors import SlackError
from sandbox.slack.messages import Message, Reaction
from sandbox.slack.methods.places import channel_of
from sandbox.slack.paging import page
from sandbox.slack.platform import Platform


class PeopleMethods:
    """Who is who, and their emoji."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def table(self) -> Methods:
        """The methods by name."""
        return {
            "users.info": Method(self.info, ("users:read",), tier=4),
            "users.list": Method(self.all, ("users:read",), tier=2),
            "bots.info": Method(self.bot, ("users:read",), tier=3),
            "team.info": Method(self.team, ("team:read",), tier=3),
            "reactions.add": Method(self.react, ("reactions:write",), tier=3),
            "reactions.remove": Method(self.unreact, ("reactions:write",), tier=2),
        }

    def info(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/users.info"""
        wanted = call.args.required("user")
        found = next((user for user in self._platform.world.users if user.id == wanted), None)
        if found is None:
            raise SlackError("user_not_found")
        return {"user": self._platform.payloads.user(found, asked_by_team=call.team_id)}

    def all(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/users.list"""
        ours = [user for user in self._platform.world.users if user.team_id == call.team_id]
        users, more = page(ours, call.args)
        shown = [self._platform.payloads.user(user, asked_by_team=call.team_id) for user in users]
        return {"members": shown, **more}

    def bot(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/bots.info"""
        wanted = call.args.text("bot") or call.installation.bot_id
        found = next((user for user in self._platform.world.users if user.bot_id == wanted), None)
        if found is None:
            raise SlackError("bot_not_found")
        ours = found.id == call.installation.bot_user_id
        return {
            "bot": {
                "id": wanted,
                "deleted": found.deleted,
                "name": found.real_name,
                "user_id": found.id,
                "app_id": self._platform.world.app.id if ours else "A0ANOTHER",
            }
        }

    def team(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/team.info"""
        team = self._platform.world.workspace(call.team_id)
        return {
            "team": {
                "id": team.id,
                "name": team.name,
                "domain": team.domain,
                "email_domain": "",
                "url": f"https://{team.domain}.slack.com/",
            }
        }

    def react(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/reactions.add"""
        message, reaction = self._reaction(call)
        if reaction in message.reactions:
            raise SlackError("already_reacted")
        self._platform.note_message(replace(message, reactions=(*message.reactions, reaction)))
        return {}

    def unreact(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/reactions.remove"""
        message, reaction = self._reaction(call)
        if reaction not in message.reactions:
            raise SlackError("no_reaction")
        left = tuple(each for each in message.reactions if each != reaction)
        self._platform.note_message(replace(message, reactions=left))
        return {}

    def _reaction(self, call: Call) -> tuple[Message, Reaction]:
        channel = channel_of(self._platform, call)
        found = self._platform.messages.get(channel.id, call.args.required("timestamp"))
        if found is None or found.deleted_at is not None:
            raise SlackError("message_not_found")
        name = call.args.required("name").strip(":")
        return found, Reaction(name, call.installation.bot_user_id)
