"""Commands, buttons and their like on the simulated Discord, with the real SDK."""

from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest
import pytest_asyncio
from discord import app_commands

from bot.vocabulary import ManualClock
from sandbox.discord import Impossible, Message, ResponseType, SimulatedDiscord
from tests.contract.discord_clients import Listener, bare, connected
from tests.support import wait_until


@pytest_asyncio.fixture
async def client(simulated_discord: SimulatedDiscord) -> AsyncIterator[Listener]:
    """A connected client with a command `ask`, and the commands of the context menus."""
    async with connected(simulated_discord) as listener:
        await _register(listener)
        yield listener


async def _register(listener: Listener) -> None:
    tree = app_commands.CommandTree(listener)

    @tree.command(description="Ask something")
    async def ask(_: discord.Interaction, question: str, about: discord.User | None = None) -> None:
        pass

    group = app_commands.Group(name="remind", description="Reminders")

    @group.command(name="list", description="List them")
    async def list_them(_: discord.Interaction) -> None:
        pass

    @tree.context_menu(name="Summarise")
    async def summarise(_: discord.Interaction, message: discord.Message) -> None:
        pass

    tree.add_command(group)
    await tree.sync()
    listener._connection._command_tree = None  # the tests answer themselves


async def test_commands_are_registered(
    simulated_discord: SimulatedDiscord, client: Listener
) -> None:
    """Synchronising replaces them; those that stay keep their ids."""
    tree = app_commands.CommandTree(client)
    before = {command.name: command.id for command in await tree.fetch_commands()}
    assert set(before) == {"ask", "remind", "Summarise"}
    _, made = await _ask(
        simulated_discord, "POST", {"name": "ask", "description": "Anew", "type": 1}
    )
    assert made["id"] == str(before["ask"])
    _, refused = await _ask(simulated_discord, "POST", {"name": "No Way", "description": "x"})
    assert "name" in refused["errors"]


async def test_a_command_is_answered_to_one_person(
    simulated_discord: SimulatedDiscord, client: Listener
) -> None:
    """Deferred and then filled in, and seen by nobody else."""
    simulated_discord.slash("ask", {"question": "why?", "about": "grace"}, by="ada")
    await wait_until(lambda: client.interactions)
    interaction = client.interactions[0]
    options = _data(interaction)["options"]
    assert options[0]["value"] == "why?"
    await interaction.response.defer(ephemeral=True)
    assert [message.loading for message in simulated_discord.messages()] == [True]
    await interaction.edit_original_response(content="because")
    assert simulated_discord.visible(to="ada") == ("because",)
    assert simulated_discord.visible() == ()
    assert [message.loading for message in simulated_discord.messages()] == [False]
    followup = await interaction.followup.send("and so on", ephemeral=True, wait=True)
    assert simulated_discord.visible(to="ada") == ("because", "and so on")
    await followup.delete()
    await interaction.delete_original_response()
    assert simulated_discord.visible(to="ada") == ()


async def test_an_answer_that_everybody_sees(
    simulated_discord: SimulatedDiscord, client: Listener
) -> None:
    """It says who asked, and arrives as a message."""
    interaction = simulated_discord.slash("ask", {"question": "why?"}, by="grace")
    await wait_until(lambda: client.interactions)
    answered = await client.interactions[0].response.send_message("because")
    assert isinstance(answered.resource, discord.InteractionMessage)
    assert simulated_discord.visible() == ("because",)
    assert interaction.response is ResponseType.MESSAGE
    await wait_until(lambda: client.heard)
    metadata = client.heard[0].interaction_metadata
    assert metadata is not None
    assert metadata.user.id == simulated_discord.world.user("grace").id


async def test_a_response_pings_users_alone_by_default(
    simulated_discord: SimulatedDiscord, client: Listener
) -> None:
    """Unlike an ordinary message; and an ephemeral one pings nobody."""
    grace = simulated_discord.world.user("grace")
    for ephemeral, reached in ((False, {grace.id}), (True, set())):
        client.interactions.clear()
        simulated_discord.slash("ask", {"question": "?"})
        await wait_until(lambda: client.interactions)
        await client.interactions[0].response.send_message(
            f"@everyone {grace.mention}", ephemeral=ephemeral
        )
        assert simulated_discord.messages()[-1].now.pinged.reaches == reached


async def test_subcommands_and_direct_messages(
    simulated_discord: SimulatedDiscord, client: Listener
) -> None:
    """A subcommand is named below its group; in a direct message there is no guild."""
    simulated_discord.slash("remind list", direct=True)
    await wait_until(lambda: client.interactions)
    interaction = client.interactions[0]
    assert _data(interaction)["options"][0]["name"] == "list"
    assert interaction.guild is None
    assert interaction.user.name == "ada"


async def test_a_response_comes_in_time_and_once() -> None:
    """Within three seconds; the webhook works for fifteen minutes."""
    clock = ManualClock()
    async with SimulatedDiscord(clock=clock) as simulated, connected(simulated) as client:
        await _register(client)
        late = simulated.slash("ask", {"question": "?"})
        await wait_until(lambda: client.interactions)
        await clock.advance(3.1)
        with pytest.raises(discord.NotFound) as too_late:
            await client.interactions[0].response.send_message("x")
        assert too_late.value.code == 10062
        assert late.response is None
        simulated.slash("ask", {"question": "?"})
        await wait_until(lambda: len(client.interactions) == 2)
        interaction = client.interactions[1]
        await interaction.response.send_message("x")
        async with bare(simulated) as plain:
            path = f"/interactions/{interaction.id}/{interaction.token}/callback"
            _, again = await plain.ask("POST", path, json={"type": 4, "data": {"content": "y"}})
            assert again["code"] == 40060
        await clock.advance(901)
        with pytest.raises(discord.HTTPException) as expired:
            await interaction.edit_original_response(content="z")
        assert expired.value.code == 50027


async def test_buttons_are_pressed(simulated_discord: SimulatedDiscord, client: Listener) -> None:
    """By label or id; the bot changes the message in answer, or takes note and changes it later."""
    posted = await _with_buttons(simulated_discord, client)
    simulated_discord.press(posted, "Yes", by="grace")
    await wait_until(lambda: client.interactions)
    await client.interactions[0].response.edit_message(content="pressed", view=None)
    assert simulated_discord.visible() == ("pressed",)
    with pytest.raises(Impossible, match="no button"):
        simulated_discord.press(posted, "Yes")
    other = await _with_buttons(simulated_discord, client)
    simulated_discord.press(other, "no-id")
    await wait_until(lambda: len(client.interactions) == 2)
    await client.interactions[1].response.defer()
    await client.interactions[1].edit_original_response(content="noted")
    assert simulated_discord.visible() == ("pressed", "noted")


async def test_a_message_of_a_context_menu_comes_whole(
    simulated_discord: SimulatedDiscord, client: Listener
) -> None:
    """With its content, which the bot could not read otherwise."""
    said = simulated_discord.say("a long story")
    simulated_discord.context_menu("Summarise", said)
    await wait_until(lambda: client.interactions)
    messages = _data(client.interactions[0])["resolved"]["messages"]
    assert messages[str(said.id)]["content"] == "a long story"


async def test_a_modal_is_shown_and_filled_in(
    simulated_discord: SimulatedDiscord, client: Listener
) -> None:
    """Its values come as an interaction of their own."""
    interaction = simulated_discord.slash("ask", {"question": "?"})
    await wait_until(lambda: client.interactions)

    class Form(discord.ui.Modal, title="A form"):
        """One field."""

        name: discord.ui.TextInput["Form"] = discord.ui.TextInput(label="Name", custom_id="name")

    await client.interactions[0].response.send_modal(Form(custom_id="form"))
    assert interaction.modal is not None
    assert interaction.modal["title"] == "A form"
    simulated_discord.submit(interaction, {"name": "Ada"})
    await wait_until(lambda: len(client.interactions) == 2)
    assert client.interactions[1].type is discord.InteractionType.modal_submit


async def test_choices_are_offered_while_somebody_types(
    simulated_discord: SimulatedDiscord, client: Listener
) -> None:
    """For an option, by what was typed so far."""
    interaction = simulated_discord.autocomplete("ask", "question", "wh")
    await wait_until(lambda: client.interactions)
    (option,) = _data(client.interactions[0])["options"]
    assert (option["value"], option["focused"]) == ("wh", True)
    choices = [app_commands.Choice(name="Why?", value="why")]
    await client.interactions[0].response.autocomplete(choices)
    assert [choice["name"] for choice in interaction.choices] == ["Why?"]


async def test_commands_are_changed_one_by_one(
    simulated_discord: SimulatedDiscord, client: Listener
) -> None:
    """In one guild alone, too."""
    http, app_id = client.http, simulated_discord.world.application_id
    guild_id = simulated_discord.guild.id
    made = await http.upsert_guild_command(
        app_id, guild_id, {"name": "local", "description": "Here", "type": 1}
    )
    command_id = int(made["id"])
    await http.edit_guild_command(app_id, guild_id, command_id, {"description": "There"})
    found = await http.get_guild_command(app_id, guild_id, command_id)
    assert found["description"] == "There"
    simulated_discord.slash("local")
    with pytest.raises(Impossible):
        simulated_discord.slash("local", direct=True)
    await http.delete_guild_command(app_id, guild_id, command_id)
    with pytest.raises(discord.NotFound) as gone:
        await http.get_guild_command(app_id, guild_id, command_id)
    assert gone.value.code == 10063


async def test_a_select_is_chosen_from(
    simulated_discord: SimulatedDiscord, client: Listener
) -> None:
    """The values come with the interaction."""
    view = discord.ui.View()
    options = [discord.SelectOption(label="One", value="1")]
    view.add_item(discord.ui.Select[discord.ui.View](custom_id="which", options=options))
    channel = client.get_partial_messageable(simulated_discord.world.channel("general").id)
    posted = await channel.send("which?", view=view)
    simulated_discord.choose(posted.id, "which", "1")
    await wait_until(lambda: client.interactions)
    assert _data(client.interactions[0])["values"] == ["1"]


async def test_an_unknown_command_can_not_be_run(
    simulated_discord: SimulatedDiscord, client: Listener
) -> None:
    """Nor without its required options."""
    with pytest.raises(Impossible, match="no CHAT_INPUT command"):
        simulated_discord.slash("nonsense")
    with pytest.raises(Impossible, match="needs 'question'"):
        simulated_discord.slash("ask")


def _data(interaction: discord.Interaction) -> Any:
    return interaction.data


async def _with_buttons(simulated: SimulatedDiscord, client: Listener) -> Message:
    view = discord.ui.View()
    view.add_item(discord.ui.Button[discord.ui.View](label="Yes", custom_id="yes-id"))
    view.add_item(discord.ui.Button[discord.ui.View](label="No", custom_id="no-id"))
    channel = client.get_partial_messageable(simulated.world.channel("general").id)
    return simulated.world.message((await channel.send("really?", view=view)).id)


async def _ask(
    simulated: SimulatedDiscord, method: str, body: dict[str, object]
) -> tuple[int, dict[str, Any]]:
    async with bare(simulated) as plain:
        path = f"/applications/{simulated.world.application_id}/commands"
        response, found = await plain.ask(method, path, json=body)
        return response.status, found
