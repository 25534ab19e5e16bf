"""Commands as platforms that list them need to know them."""

from typing import Literal

from bot.host.loading import Loading
from bot.plugins import Role
from bot.plugins.declarations import CommandSpec
from bot.plugins.signature import Parameter, plain
from bot.ports import CommandOffer, CommandParameter

Kind = Literal["text", "integer", "number", "boolean"]


def command_offers(loading: Loading) -> tuple[CommandOffer, ...]:
    """Every command of every plugin, by name, with the operator's word on who may use it."""
    offers = [
        offer_of(spec, each.options.roles.get(spec.name, spec.role))
        for each in loading.loaded
        for spec in each.plugin.commands
    ]
    return tuple(sorted(offers, key=lambda offer: offer.name))


def offer_of(spec: CommandSpec, role: Role) -> CommandOffer:
    """A command, with the role that may use it."""
    return CommandOffer(
        name=spec.name,
        summary=spec.summary,
        usage=spec.usage,
        parameters=tuple(_parameter(each) for each in spec.signature.parameters),
        private=spec.private,
        admin=role is Role.ADMIN,
    )


def _parameter(parameter: Parameter) -> CommandParameter:
    return CommandParameter(
        name=parameter.name,
        description=parameter.description,
        kind=_kind(plain(parameter.annotation)),
        required=parameter.required,
        takes_rest=parameter.takes_rest,
    )


def _kind(annotation: object) -> Kind:
    if annotation is bool:
        return "boolean"
    if annotation is int:
        return "integer"
    return "number" if annotation is float else "text"
