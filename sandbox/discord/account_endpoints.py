"""The endpoints of the bot itself, of users and of guilds, and where the gateway is.

https://discord.com/developers/docs/resources/user and …/guild
"""

from aiohttp import web

from sandbox.discord.bodies import read_object
from sandbox.discord.errors import ApiError, refusal
from sandbox.discord.front import API, answer, nothing
from sandbox.discord.intents import Intents, application_flags
from sandbox.discord.message_endpoints import id_in
from sandbox.discord.payloads import (
    application_payload,
    channel_payload,
    guild_payload,
    role_payload,
    user_payload,
    whole_member_payload,
)
from sandbox.discord.permissions import Permission
from sandbox.discord.places import Guild
from sandbox.discord.service import Service

_GUILD = f"{API}/guilds/{{guild_id}}"


class AccountEndpoints:
    """Who is who, and where."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._world = service.world

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.get(f"{API}/gateway", self.gateway),
            web.get(f"{API}/gateway/bot", self.gateway_bot),
            web.get(f"{API}/oauth2/applications/@me", self.application),
            web.get(f"{API}/applications/@me", self.application),
            web.get(f"{API}/users/@me", self.me),
            web.get(f"{API}/users/@me/guilds", self.my_guilds),
            web.delete(f"{API}/users/@me/guilds/{{guild_id}}", self.leave_guild),
            web.post(f"{API}/users/@me/channels", self.open_dm),
            web.get(f"{API}/users/{{user_id}}", self.user),
            web.get(_GUILD, self.guild),
            web.get(f"{_GUILD}/channels", self.channels),
            web.get(f"{_GUILD}/roles", self.roles),
            web.get(f"{_GUILD}/members", self.members),
            web.get(f"{_GUILD}/members/{{user_id}}", self.member),
        ]

    async def gateway(self, _: web.Request) -> web.Response:
        """GET /gateway"""
        return answer({"url": self._service.gateway.address})

    async def gateway_bot(self, _: web.Request) -> web.Response:
        """GET /gateway/bot"""
        gateway = self._service.gateway
        return answer(
            {
                "url": gateway.address,
                "shards": gateway.rules.shards,
                "session_start_limit": {
                    "total": gateway.rules.session_starts,
                    "remaining": gateway.session_starts_left,
                    "reset_after": 86_400_000,
                    "max_concurrency": gateway.rules.max_concurrency,
                },
            }
        )

    async def application(self, _: web.Request) -> web.Response:
        """GET /oauth2/applications/@me"""
        people = [user for user in self._world.users.values() if not user.is_bot]
        owner = people[0] if people else self._world.bot
        flags = application_flags(Intents(self._service.gateway.rules.granted))
        return answer(application_payload(self._world, owner, flags=flags))

    async def me(self, _: web.Request) -> web.Response:
        """GET /users/@me"""
        return answer({**user_payload(self._world.bot), "verified": True, "mfa_enabled": False})

    async def my_guilds(self, _: web.Request) -> web.Response:
        """GET /users/@me/guilds"""
        bot_id = self._world.bot.id
        return answer(
            [
                {
                    "id": str(guild.id),
                    "name": guild.name,
                    "icon": None,
                    "banner": None,
                    "owner": guild.owner_id == bot_id,
                    "permissions": str(int(self._world.permissions_of(guild, bot_id))),
                    "features": [],
                }
                for guild in self._world.bot_guilds()
            ]
        )

    async def leave_guild(self, request: web.Request) -> web.Response:
        """DELETE /users/@me/guilds/{id}"""
        self._service.housekeeping.leave(self._guild(request), self._world.bot)
        return nothing()

    async def open_dm(self, request: web.Request) -> web.Response:
        """POST /users/@me/channels"""
        body = await read_object(request, self._service.log)
        recipient = str(body.get("recipient_id"))
        user = self._world.users.get(int(recipient)) if recipient.isdigit() else None
        if user is None or user.is_bot:
            raise ApiError(400, code=50033, message="Invalid Recipient(s)")
        return answer(channel_payload(self._world, self._world.dm(user)))

    async def user(self, request: web.Request) -> web.Response:
        """GET /users/{id}"""
        user = self._world.users.get(id_in(request, "user_id"))
        if user is None:
            raise refusal(10013)
        return answer(user_payload(user))

    async def guild(self, request: web.Request) -> web.Response:
        """GET /guilds/{id}"""
        return answer(guild_payload(self._guild(request)))

    async def channels(self, request: web.Request) -> web.Response:
        """GET /guilds/{id}/channels"""
        guild = self._guild(request)
        found = [self._world.channels[each] for each in guild.channel_ids]
        bot_id = self._world.bot.id
        return answer(
            [
                channel_payload(self._world, channel)
                for channel in found
                if self._world.may(bot_id, channel, Permission.VIEW_CHANNEL)
            ]
        )

    async def roles(self, request: web.Request) -> web.Response:
        """GET /guilds/{id}/roles"""
        return answer([role_payload(role) for role in self._guild(request).roles.values()])

    async def members(self, request: web.Request) -> web.Response:
        """GET /guilds/{id}/members: for applications with GUILD_MEMBERS alone."""
        guild = self._guild(request)
        if Intents.GUILD_MEMBERS not in Intents(self._service.gateway.rules.granted):
            raise refusal(50001)
        found = sorted(guild.members.values(), key=lambda member: member.user_id)
        after, limit = int(request.query.get("after", 0)), int(request.query.get("limit", 1))
        page = [member for member in found if member.user_id > after][:limit]
        return answer([whole_member_payload(self._world, member) for member in page])

    async def member(self, request: web.Request) -> web.Response:
        """GET /guilds/{id}/members/{user}"""
        guild = self._guild(request)
        user_id = id_in(request, "user_id")
        if user_id not in self._world.users:
            raise refusal(10013)
        if user_id not in guild.members:
            raise refusal(10007)
        return answer(whole_member_payload(self._world, guild.members[user_id]))

    def _guild(self, request: web.Request) -> Guild:
        return self._world.bot_guild(id_in(request, "guild_id"))
