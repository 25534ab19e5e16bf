"""What people see of the bot besides messages: its home page, forms, and how a conversation begins."""

from datetime import timedelta
from typing import Final

from adapters.slack.api import SlackApi
from adapters.slack.asking import form
from adapters.slack.errors import Refused
from adapters.slack.keepsakes import Keepsakes
from adapters.slack.mrkdwn import cut, mrkdwn
from adapters.slack.payloads import Json
from adapters.slack.people import People
from adapters.slack.refusals import Refusals
from bot.ports import AdapterStore, Intake
from bot.vocabulary import ChannelKind, Clock, Message

PROMPTS: Final = (
    {"title": "What can you do?", "message": "What can you do?"},
    {"title": "Sum something up", "message": "Sum this up in three sentences:"},
    {"title": "Draft a reply", "message": "Help me to draft a friendly reply to this:"},
)
"""At most four (https://docs.slack.dev/reference/methods/assistant.threads.setSuggestedPrompts)."""

GREETING: Final = "What can I do for you?"
ASSISTANT: Final = "assistant"
TITLE_CHARS: Final = 60
SECTION_CHARS: Final = 3_000
MAX_SECTIONS: Final = 90
UNTITLED_AGE: Final = timedelta(days=7)


class Surfaces:
    """Publishes, opens and titles."""

    def __init__(
        self,
        *,
        api: SlackApi,
        people: People,
        refusals: Refusals,
        store: AdapterStore,
        clock: Clock,
    ) -> None:
        self._refusals = refusals
        self.untitled = Keepsakes("untitled", store=store, clock=clock, age=UNTITLED_AGE)
        self._api = api
        self._people = people

    async def show_home(self, intake: Intake, workspace: str, user: str) -> None:
        """Publish somebody's home page. Raises `PlatformError`."""
        person = await self._people.person(workspace, user)
        text = mrkdwn(await intake.home(f"slack:{workspace}", person))
        view = {"type": "home", "blocks": _sections(text)}
        await self._api.call("views.publish", workspace, user_id=user, view=view)

    async def open_form(self, workspace: str, body: Json) -> None:
        """Show the form of the shortcut, within the three seconds in which Slack takes it."""
        view = form(body)
        if view is not None:
            trigger = body.get("trigger_id")
            await self._api.call("views.open", workspace, trigger_id=trigger, view=view)

    async def greet(self, workspace: str, channel: str, thread_ts: str | None) -> None:
        """Suggest what to ask, where somebody has opened a conversation. Raises `PlatformError`."""
        if thread_ts is not None:
            await self.untitled.keep(f"{workspace}:{channel}:{thread_ts}", {})
        if await self._refusals.known(workspace, ASSISTANT):
            return
        try:
            await self._api.call(
                "assistant.threads.setSuggestedPrompts",
                workspace,
                channel_id=channel,
                thread_ts=thread_ts,
                title=GREETING,
                prompts=list(PROMPTS),
            )
        except Refused as error:  # the app is no assistant there
            await self._refusals.note(workspace, ASSISTANT, error.code)

    async def give_title(self, message: Message) -> None:
        """Name a conversation after its first question, so that it is found again."""
        thread = message.thread
        title = cut(" ".join(message.text.split()), TITLE_CHARS)
        key = f"{thread.channel.workspace}:{thread.channel.id}:{thread.id}"
        if not title or await self.untitled.recall(key) is None:
            return
        await self.untitled.forget(key)
        await self._api.call(
            "assistant.threads.setTitle",
            thread.channel.workspace,
            channel_id=thread.channel.id,
            thread_ts=thread.id,
            title=title,
        )

    @staticmethod
    def may_need_title(message: Message) -> bool:
        """Conversations with a title are threads of direct conversations."""
        direct = message.thread.channel.kind is ChannelKind.DIRECT
        return direct and message.thread.id.replace(".", "").isdigit()


def _sections(text: str) -> list[Json]:
    """Paragraphs as blocks; a long one is cut between its lines."""
    sections: list[str] = []
    for line in text.split("\n"):
        line = cut(line, SECTION_CHARS - 1)
        if line and sections and len(sections[-1]) + len(line) < SECTION_CHARS and sections[-1]:
            sections[-1] += f"\n{line}"
        elif line:
            sections.append(line)
        elif sections and sections[-1]:
            sections.append("")
    shown = [section for section in sections if section][:MAX_SECTIONS]
    return [{"type": "section", "text": {"type": "mrkdwn", "text": each}} for each in shown]
