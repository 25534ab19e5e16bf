"""The endpoints of commands, of responses to interactions, and of the webhooks they open.

https://discord.com/developers/docs/interactions/receiving-and-responding#endpoints
"""

from aiohttp import web

from sandbox.discord.bodies import read_json, read_object, read_with_files
from sandbox.discord.errors import refusal
from sandbox.discord.front import API, answer, nothing
from sandbox.discord.interactions import Interaction, ResponseType
from sandbox.discord.message_endpoints import id_in
from sandbox.discord.message_payload import message_payload
from sandbox.discord.messages import Message
from sandbox.discord.payloads import Payload
from sandbox.discord.service import Service

_APPLICATION = f"{API}/applications/{{application_id}}"
_WEBHOOK = f"{API}/webhooks/{{application_id}}/{{token}}"
_MESSAGE = f"{_WEBHOOK}/messages/{{message_id}}"
_WITH_MESSAGE = frozenset(
    {ResponseType.MESSAGE, ResponseType.DEFERRED_MESSAGE, ResponseType.UPDATE}
)


class InteractionEndpoints:
    """What a bot does with commands and interactions."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._world = service.world
        self._interactions = service.interactions

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        routes = [
            web.post(f"{API}/interactions/{{id}}/{{token}}/callback", self.respond),
            web.post(_WEBHOOK, self.follow_up),
            web.get(_MESSAGE, self.get),
            web.patch(_MESSAGE, self.edit),
            web.delete(_MESSAGE, self.delete),
        ]
        for scope in ("", "/guilds/{guild_id}"):
            commands = f"{_APPLICATION}{scope}/commands"
            routes += [
                web.get(commands, self.commands),
                web.post(commands, self.create_command),
                web.put(commands, self.replace_commands),
                web.get(f"{commands}/{{command_id}}", self.command),
                web.patch(f"{commands}/{{command_id}}", self.edit_command),
                web.delete(f"{commands}/{{command_id}}", self.delete_command),
            ]
        return routes

    # Responses

    async def respond(self, request: web.Request) -> web.Response:
        """POST /interactions/{id}/{token}/callback"""
        body, uploads = await read_with_files(request, self._service.log)
        interaction = self._interactions.respond(
            id_in(request, "id"), request.match_info["token"], body, uploads
        )
        if request.query.get("with_response") in ("1", "true", "True"):
            return answer(self._callback(interaction))
        return nothing()

    async def follow_up(self, request: web.Request) -> web.Response:
        """POST /webhooks/{application}/{token}"""
        interaction = self._interaction(request)
        body, uploads = await read_with_files(request, self._service.log)
        return self._answer(self._interactions.follow_up(interaction, body, uploads))

    async def get(self, request: web.Request) -> web.Response:
        """GET …/messages/{id or @original}"""
        return self._answer(self._message(request))

    async def edit(self, request: web.Request) -> web.Response:
        """PATCH …/messages/{id or @original}"""
        message = self._message(request)
        body, uploads = await read_with_files(request, self._service.log)
        return self._answer(self._interactions.edit(message, body, uploads))

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE …/messages/{id or @original}"""
        self._service.posting.delete(self._message(request))
        return nothing()

    # Commands

    async def commands(self, request: web.Request) -> web.Response:
        """GET …/commands"""
        return answer(self._service.commands.all_of(self._scope(request)))

    async def create_command(self, request: web.Request) -> web.Response:
        """POST …/commands"""
        scope = self._scope(request)
        body = await read_object(request, self._service.log)
        made, is_new = self._service.commands.create(scope, body)
        return answer(made, 201 if is_new else 200)

    async def replace_commands(self, request: web.Request) -> web.Response:
        """PUT …/commands"""
        scope = self._scope(request)
        bodies = await read_json(request, self._service.log)
        if not isinstance(bodies, list):
            raise refusal(50035)
        return answer(self._service.commands.replace(scope, bodies))

    async def command(self, request: web.Request) -> web.Response:
        """GET …/commands/{id}"""
        scope = self._scope(request)
        return answer(self._service.commands.get(scope, id_in(request, "command_id")))

    async def edit_command(self, request: web.Request) -> web.Response:
        """PATCH …/commands/{id}"""
        scope = self._scope(request)
        body = await read_object(request, self._service.log)
        return answer(self._service.commands.edit(scope, id_in(request, "command_id"), body))

    async def delete_command(self, request: web.Request) -> web.Response:
        """DELETE …/commands/{id}"""
        self._service.commands.delete(self._scope(request), id_in(request, "command_id"))
        return nothing()

    def _scope(self, request: web.Request) -> int | None:
        if id_in(request, "application_id") != self._world.application_id:
            raise refusal(10002)
        if "guild_id" not in request.match_info:
            return None
        return self._world.bot_guild(id_in(request, "guild_id")).id

    def _interaction(self, request: web.Request) -> Interaction:
        if id_in(request, "application_id") != self._world.application_id:
            raise refusal(10015)
        return self._interactions.by_token(request.match_info["token"])

    def _message(self, request: web.Request) -> Message:
        interaction = self._interaction(request)
        return self._interactions.message(interaction, request.match_info["message_id"])

    def _answer(self, message: Message) -> web.Response:
        return answer(message_payload(self._world, message))

    def _callback(self, interaction: Interaction) -> Payload:
        """https://discord.com/developers/docs/interactions/receiving-and-responding
        #interaction-callback-interaction-callback-response-object"""
        found: Payload = {"id": str(interaction.id), "type": int(interaction.type)}
        resource: Payload = {"type": int(interaction.response or 0)}
        message = interaction.original
        if message is not None and interaction.response in _WITH_MESSAGE:
            found |= {
                "response_message_id": str(message.id),
                "response_message_loading": message.loading,
                "response_message_ephemeral": message.ephemeral,
            }
            resource["message"] = message_payload(self._world, message)
        return {"interaction": found, "resource": resource}
