"""Whom messages on the simulated Discord would ping."""

from collections.abc import AsyncIterator

import discord
import pytest
import pytest_asyncio

from sandbox.discord import Overwrite, Permission, Pinged, Role, SimulatedDiscord, User
from tests.contract.discord_clients import logged_in


class Place:
    """A channel with people and a role, and the bot in it."""

    def __init__(self, simulated: SimulatedDiscord, client: discord.Client) -> None:
        self.simulated = simulated
        self.general = simulated.world.channel("general")
        self.channel = client.get_partial_messageable(self.general.id)
        self.ada: User = simulated.world.user("ada")
        self.grace: User = simulated.world.user("grace")
        self.team: Role = simulated.world.add_role(simulated.guild, "team", mentionable=True)
        simulated.guild.members[self.ada.id].role_ids.append(self.team.id)
        self.text = f"@everyone {self.team.mention} {self.grace.mention}"

    @property
    def last(self) -> Pinged:
        """Whom the last version of the last message pings."""
        return list(self.general.messages.values())[-1].now.pinged

    def forbid_mentioning_everyone(self) -> None:
        """Nobody but administrators may ping everybody any more."""
        guild = self.simulated.guild
        guild.roles[guild.id].permissions &= ~Permission.MENTION_EVERYONE


@pytest_asyncio.fixture
async def place(simulated_discord: SimulatedDiscord) -> AsyncIterator[Place]:
    """A place to talk in."""
    async with logged_in(simulated_discord) as client:
        yield Place(simulated_discord, client)


async def test_everything_pings_unless_it_is_forbidden(place: Place) -> None:
    """Without `allowed_mentions`, a text pings all that it mentions."""
    await place.channel.send(place.text)
    assert place.last.everyone
    assert place.last.role_ids == {place.team.id}
    assert place.last.user_ids == {place.grace.id}
    assert place.last.reaches == {place.ada.id, place.grace.id}
    assert place.simulated.pings() == (place.last,)


async def test_nothing_pings_if_nothing_is_allowed(place: Place) -> None:
    """The same text with an empty list."""
    await place.channel.send(place.text, allowed_mentions=discord.AllowedMentions.none())
    assert place.simulated.pings() == ()


@pytest.mark.parametrize("here", ["@everyone", "@here", "`@everyone`", "\\@everyone", "||@here||"])
async def test_no_spelling_of_everyone_is_taken_to_be_harmless(place: Place, here: str) -> None:
    """Only what Discord documents prevents a ping: code or a backslash is not among it."""
    await place.channel.send(f"hello {here}!")
    assert place.last.everyone


async def test_only_those_who_are_listed_are_pinged(place: Place) -> None:
    """Users and roles by id."""
    only_grace = discord.AllowedMentions(everyone=False, roles=False, users=[place.grace])
    await place.channel.send(f"{place.text} {place.ada.mention}", allowed_mentions=only_grace)
    assert place.last.reaches == {place.grace.id}


async def test_an_edit_marks_by_its_own_rules(place: Place) -> None:
    """What the post allowed counts for nothing when the edit says nothing."""
    posted = await place.channel.send("hello", allowed_mentions=discord.AllowedMentions.none())
    assert not place.last
    await posted.edit(content=place.text)
    assert place.last.everyone
    await posted.edit(content=place.text, allowed_mentions=discord.AllowedMentions.none())
    assert not place.last
    assert len(place.simulated.pings()) == 1


async def test_a_reply_pings_whom_it_answers_if_it_may(place: Place) -> None:
    """By default it does."""
    asked = place.simulated.say("a question")
    reference = place.channel.get_partial_message(asked.id)
    await place.channel.send("an answer", reference=reference)
    assert place.last.replied_user_id == place.ada.id
    await place.channel.send("quietly", reference=reference, mention_author=False)
    assert not place.last


async def test_everyone_needs_a_permission(place: Place) -> None:
    """Without it, neither @everyone nor roles that are not mentionable ping."""
    place.forbid_mentioning_everyone()
    place.team.mentionable = False
    await place.channel.send(place.text)
    assert not place.last.everyone
    assert place.last.role_ids == frozenset()
    place.team.mentionable = True
    await place.channel.send(place.text)
    assert place.last.role_ids == {place.team.id}


async def test_nobody_is_reached_who_does_not_see_the_channel(place: Place) -> None:
    """A mention of somebody who is not there reaches nobody."""
    place.general.overwrites.append(
        Overwrite(id=place.ada.id, for_member=True, deny=Permission.VIEW_CHANNEL)
    )
    await place.channel.send(f"{place.ada.mention} @everyone")
    assert place.last.reaches == {place.grace.id}


async def test_components_ping_as_content_does(place: Place) -> None:
    """A text among them counts."""
    view = discord.ui.LayoutView()
    view.add_item(discord.ui.TextDisplay[discord.ui.LayoutView](place.text))
    await place.channel.send(view=view)
    assert place.last.everyone
    await place.channel.send(view=view, allowed_mentions=discord.AllowedMentions.none())
    assert not place.last


async def test_embeds_and_direct_messages_ping_nobody_else(place: Place) -> None:
    """Mentions in embeds are only shown; in a direct message there is no everybody."""
    await place.channel.send(embed=discord.Embed(description=place.text))
    assert not place.last
    dm = await place.channel._state.http.start_private_message(place.ada.id)
    client_channel = discord.PartialMessageable(place.channel._state, int(dm["id"]))
    await client_channel.send(place.text)
    assert place.simulated.pings()[-1].reaches == frozenset()


async def test_a_silent_message_marks_all_the_same(place: Place) -> None:
    """`SUPPRESS_NOTIFICATIONS` is only without a sound."""
    await place.channel.send(place.grace.mention, silent=True)
    assert place.last.silent
    assert place.last.reaches == {place.grace.id}
