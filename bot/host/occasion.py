"""On what occasion plugin code is called: where, for whom, and at whose cost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.claude.books import Books
from bot.plugins import Role
from bot.plugins.context import Surroundings
from bot.vocabulary import Attribution, Channel, ChannelKind, Message, Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What differs from call to call; the rest of a context is the plugin's own."""

    around: Callable[[str], Surroundings]
    """For the plugin of this name."""
    books: Books
    models: tuple[str, ...]
    """Which models `ctx.claude` asks, the first that answers."""
    deadline_s: float
    """How long one request to Claude may take."""
    switches: Mapping[str, bool] = field(default_factory=dict)
    """Plugins that are switched on or off here, by name."""
    channel: Channel | None = None
    message: Message | None = None
    person: Person | None = None
    role: Role = Role.MEMBER
    turn_id: str | None = None

    def attribution(self, plugin: str) -> Attribution:
        """What a plugin's requests are counted under."""
        channel, person = self.channel, self.person
        if channel is None:
            return Attribution("plugin", turn_id=self.turn_id, plugin=plugin)
        return Attribution(
            "plugin",
            turn_id=self.turn_id,
            workspace_key=channel.workspace_key,
            channel_key=channel.key,
            person_key=None if person is None else person.key_in(channel.workspace_key),
            plugin=plugin,
            direct=channel.kind is ChannelKind.DIRECT,
        )
