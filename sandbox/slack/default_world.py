"""The world as it is at first: one workspace, four people, three channels, and the app in it."""

from sandbox.slack.ids import Ids
from sandbox.slack.world import (
    App,
    Channel,
    ChannelKind,
    Installation,
    User,
    Workspace,
    World,
)

TEAM_ID = "T0SANDBOX1"
BOT_TOKEN = "xoxb-sandbox-1"  # noqa: S105 - opens nothing but a simulator
APP_TOKEN = "xapp-1-A0SANDBOX-1-sandbox"  # noqa: S105
SIGNING_SECRET = "simulated-signing-secret"  # noqa: S105
SCOPES = frozenset(
    {
        "app_mentions:read", "assistant:write", "channels:history", "channels:join",
        "channels:read", "chat:write", "commands", "files:read", "files:write",
        "groups:history", "groups:read", "im:history", "im:read", "im:write",
        "mpim:history", "mpim:read", "mpim:write", "reactions:read", "reactions:write",
        "team:read", "users:read",
    }
)  # fmt: skip
PEOPLE = (
    User(
        id="U0ADA00001", team_id=TEAM_ID, name="ada", real_name="Ada Lovelace",
        display_name="Ada", is_admin=True,
    ),
    User(
        id="U0GRACE001", team_id=TEAM_ID, name="grace", real_name="Grace Hopper",
        display_name="Grace",
    ),
    User(
        id="U0LINUS001", team_id=TEAM_ID, name="linus", real_name="Linus Pauling",
        display_name="Linus",
    ),
    User(id="U0MARIE001", team_id=TEAM_ID, name="marie", real_name="Marie Curie"),
)  # fmt: skip


def default_world(ids: Ids) -> World:
    """`#general` and `#random` with the bot, `#lounge` without, a private `#lab`, and everybody's
    direct messages."""
    world = World(
        App(
            id="A0SANDBOX1",
            name="Parley",
            app_token=APP_TOKEN,
            signing_secret=SIGNING_SECRET,
            client_id="1.1",
            client_secret="simulated-client-secret",  # noqa: S106 - opens nothing
            verification_token="simulated",  # noqa: S106 - opens nothing
        )
    )
    workspace = Workspace(id=TEAM_ID, name="Sandbox", domain="sandbox")
    bot = install(
        world, workspace, ids, bot_user_id="U0PARLEY01", bot_id="B0PARLEY01", bot_token=BOT_TOKEN
    )
    world.keep(*PEOPLE)
    everybody = frozenset(person.id for person in PEOPLE)
    for name, number in (("general", 1), ("random", 2)):
        world.keep(
            Channel(
                id=f"C0SANDBOX{number}",
                team_id=TEAM_ID,
                name=name,
                members=everybody | {bot.id},
            )
        )
    world.keep(
        Channel(id="C0SANDBOX3", team_id=TEAM_ID, name="lounge", members=everybody),
        Channel(
            id="C0SANDBOX4",
            team_id=TEAM_ID,
            name="lab",
            kind=ChannelKind.PRIVATE,
            members=frozenset({PEOPLE[0].id, PEOPLE[3].id, bot.id}),
        ),
    )
    for number, person in enumerate(PEOPLE, 1):
        add_direct(world, person, bot, channel_id=f"D0SANDBOX{number}")
    return world


def install(
    world: World,
    workspace: Workspace,
    ids: Ids,
    *,
    bot_user_id: str | None = None,
    bot_id: str | None = None,
    bot_token: str | None = None,
    scopes: frozenset[str] = SCOPES,
) -> User:
    """Put the app into a workspace; its bot."""
    bot = User(
        id=bot_user_id or ids.entity("U"),
        team_id=workspace.id,
        name=world.app.name.lower(),
        real_name=world.app.name,
        is_bot=True,
        bot_id=bot_id or ids.entity("B"),
    )
    assert bot.bot_id is not None
    world.keep(
        workspace,
        bot,
        Installation(
            team_id=workspace.id,
            bot_user_id=bot.id,
            bot_id=bot.bot_id,
            bot_token=bot_token or f"xoxb-{ids.secret()}",
            scopes=scopes,
        ),
    )
    return bot


def add_direct(world: World, person: User, bot: User, *, channel_id: str) -> Channel:
    """A direct conversation of somebody with the bot."""
    made = Channel(
        id=channel_id,
        team_id=bot.team_id,
        name="",
        kind=ChannelKind.IM,
        members=frozenset({person.id, bot.id}),
    )
    world.keep(made)
    return made
