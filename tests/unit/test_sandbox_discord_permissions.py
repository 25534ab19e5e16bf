"""What members may do in the simulated Discord, by Discord's own algorithm."""

from bot.vocabulary import ManualClock
from sandbox.discord import Channel, ChannelType, Guild, Overwrite, Permission, User, World
from sandbox.discord.scenes import plain

SEND = Permission.SEND_MESSAGES


class Place:
    """A world of its own, with a channel that Ada and Grace, an administrator, are in."""

    def __init__(self) -> None:
        self.world = World(clock=ManualClock(), tell=lambda _: None, note=lambda _kind, _data: None)
        self.guild: Guild = plain(self.world)
        self.ada: User = self.world.user("ada")
        self.grace: User = self.world.user("grace")
        self.general: Channel = self.world.channel("general")

    def rule(self, id_: int, *, for_member: bool = False, deny: bool) -> None:
        """Allow or deny sending in the channel."""
        self.general.overwrites.append(
            Overwrite(
                id=id_,
                for_member=for_member,
                allow=Permission(0) if deny else SEND,
                deny=SEND if deny else Permission(0),
            )
        )

    def may(self, user: User, channel: Channel | None = None) -> bool:
        """Whether somebody may send there."""
        return self.world.may(user.id, channel or self.general, SEND)


def test_a_role_overrules_everybody_and_a_member_overrules_roles() -> None:
    """Denied to everybody, allowed to a role, denied to one member."""
    place = Place()
    role = place.world.add_role(place.guild, "writers")
    place.rule(place.guild.id, deny=True)
    assert not place.may(place.ada)
    place.guild.members[place.ada.id].role_ids.append(role.id)
    place.rule(role.id, deny=False)
    assert place.may(place.ada)
    place.rule(place.ada.id, for_member=True, deny=True)
    assert not place.may(place.ada)


def test_a_role_can_deny_and_another_that_allows_wins() -> None:
    """Of several roles, what one allows counts."""
    place = Place()
    quiet, loud = (place.world.add_role(place.guild, name) for name in ("quiet", "loud"))
    place.guild.members[place.ada.id].role_ids += [quiet.id, loud.id]
    place.rule(quiet.id, deny=True)
    assert not place.may(place.ada)
    place.rule(loud.id, deny=False)
    assert place.may(place.ada)


def test_administrators_may_do_everything() -> None:
    """Whatever a channel says."""
    place = Place()
    place.rule(place.guild.id, deny=True)
    assert place.may(place.grace)
    assert place.world.is_admin(place.guild, place.grace)
    assert not place.world.is_admin(place.guild, place.ada)


def test_without_seeing_a_channel_one_may_do_nothing_in_it() -> None:
    """Sending included."""
    place = Place()
    place.general.overwrites.append(Overwrite(id=place.guild.id, deny=Permission.VIEW_CHANNEL))
    assert not place.may(place.ada)
    assert place.ada.id not in place.world.viewers(place.general)


def test_threads_are_as_open_as_their_channel_and_private_ones_to_members() -> None:
    """A moderator sees the private ones too."""
    place = Place()
    public = place.world.add_thread(
        place.general, "open", owner=place.ada, type=ChannelType.PUBLIC_THREAD
    )
    private = place.world.add_thread(
        place.general, "closed", owner=place.ada, type=ChannelType.PRIVATE_THREAD
    )
    bot = place.world.bot
    assert place.may(bot, public)
    assert not place.may(bot, private)
    assert place.may(place.ada, private)
    moderators = place.world.add_role(
        place.guild, "moderators", permissions=Permission.MANAGE_THREADS
    )
    place.guild.members[bot.id].role_ids.append(moderators.id)
    assert place.may(bot, private)
    place.rule(place.guild.id, deny=True)
    assert not place.may(place.ada, public)


def test_strangers_may_do_nothing() -> None:
    """Neither in the guild nor in a direct message of somebody else."""
    place = Place()
    stranger = place.world.add_user("stranger")
    assert not place.may(stranger)
    assert not place.may(stranger, place.world.dm(place.ada))
    assert place.may(place.ada, place.world.dm(place.ada))
