"""What the simulated model says when nobody scripted it.

Always the same to the same conversation, useful to a newcomer, and open about being simulated: it
quotes what was asked, shows Markdown as a real model would, remembers the conversation, and calls a
tool that is asked for by name.
"""

import re
from collections.abc import Callable

from sandbox.claude.asked import Asked
from sandbox.claude.examples import example_of
from sandbox.claude.script import Reply, ToolCall
from sandbox.claude.tokens import split_tokens

THINKING_TOKENS = {"low": 0, "medium": 60, "high": 160, "xhigh": 400, "max": 800}
"""How long it thinks at each effort, where it may decide that for itself."""
_QUOTE_MAX_CHARS = 80
_REMEMBERED = 3


def make_up(asked: Asked) -> Reply:
    """The reply to a request that no script covers."""
    forced = _forced_call(asked)
    if forced is not None:
        return Reply(tool_calls=(forced,))
    if asked.output_schema is not None:
        written = Reply.of_json(example_of(asked.output_schema, about=asked.question))
        return Reply(written.text, thinking_tokens=_thinking_tokens(asked))
    wanted = _wanted_call(asked)
    if wanted is not None:
        text = f"I will use `{wanted.name}` for that."
        return Reply(text, tool_calls=(wanted,), thinking_tokens=_thinking_tokens(asked))
    return Reply(_write(asked), thinking_tokens=_thinking_tokens(asked))


def _thinking_tokens(asked: Asked) -> int:
    kind = (asked.body.get("thinking") or {}).get("type")
    if kind is None:
        kind = "adaptive" if asked.model.thinks_by_default else "disabled"
    if kind == "enabled":
        return int(asked.body["thinking"]["budget_tokens"]) // 8
    if kind != "adaptive":
        return 0
    effort = (asked.body.get("output_config") or {}).get("effort") or asked.model.default_effort
    return THINKING_TOKENS[effort]


def _forced_call(asked: Asked) -> ToolCall | None:
    choice = asked.body.get("tool_choice") or {}
    if choice.get("type") not in ("any", "tool") or not asked.tools:
        return None
    named = [tool for tool in asked.tools if tool["name"] == choice.get("name", tool["name"])]
    return ToolCall(named[0]["name"], example_of(named[0]["input_schema"], about=asked.question))


def _wanted_call(asked: Asked) -> ToolCall | None:
    if (asked.body.get("tool_choice") or {}).get("type") == "none" or asked.tool_results:
        return None
    said = asked.question.lower()
    for tool in asked.tools:
        name = str(tool["name"]).lower()
        if re.search(rf"\b({re.escape(name)}|{re.escape(name.replace('_', ' '))})\b", said):
            return ToolCall(tool["name"], example_of(tool["input_schema"], about=asked.question))
    return None


def _write(asked: Asked) -> str:
    if asked.tool_results:
        return _from_tools(asked)
    question = asked.question.lower()
    for pattern, writer in _WRITERS:
        if pattern.search(question):
            return writer(asked)
    return _general(asked)


def _from_tools(asked: Asked) -> str:
    results = "\n".join(f"> {_shortened(result) or '(nothing)'}" for result in asked.tool_results)
    return (
        f"The tool answered:\n\n{results}\n\n"
        "A real model would now fold that into its answer. This one is simulated, so it shows you "
        "the result as it came back, which is handy while you are writing a tool: you can see "
        "exactly what the model would be given."
    )


def _recall(asked: Asked) -> str:
    earlier = [_shortened(said.split("\n")[-1]) for said in asked.said_by("user")[:-1] if said]
    if not earlier:
        return (
            "Nothing yet: this is the first message of our conversation that I was given. Ask me "
            "something, then ask again, and I will list it.\n\n"
            "*(You are talking to a simulated Claude, which remembers exactly what the bot sends "
            "along, as the real one would.)*"
        )
    listed = "\n".join(f"{number}. {said}" for number, said in enumerate(earlier[-_REMEMBERED:], 1))
    more = len(earlier) - _REMEMBERED
    older = f" There were {more} more before those." if more > 0 else ""
    return (
        f"You said, most recently last:\n\n{listed}\n\nThat is what the bot sent me along with your "
        f"question.{older} The whole conversation travels with every request, which is why long "
        "threads cost more, and why the bot places cache marks: what was sent before is read from "
        "the cache at a fraction of the price."
    )


def _code(asked: Asked) -> str:
    return (
        f"### A small example\n\nTo {_quote(asked)} a real model would write the real thing. Being a "
        "simulated Claude, I can only show you how code arrives in an answer:\n\n"
        "```python\n"
        "def greet(names: list[str]) -> str:\n"
        '    """Greet everybody at once, or nobody in particular."""\n'
        "    if not names:\n"
        '        return "Hello, whoever you are."\n'
        "    return f\"Hello, {', '.join(names)}!\"\n\n\n"
        'print(greet(["Ada", "Grace"]))\n'
        "```\n\n"
        "- The fence is kept whole even when an answer is split over several messages.\n"
        "- `inline code` and **bold** work too.\n\n"
        "With an API key set, the same question goes to the real model."
    )


def _table(asked: Asked) -> str:
    return (
        f"### An overview\n\n{_quote(asked)} calls for a table. Mine is about what you are looking "
        "at, since a simulated Claude knows little else:\n\n"
        "| Part | Real | Here |\n"
        "| --- | --- | --- |\n"
        "| The bot, its inbox and its ledger | yes | yes |\n"
        "| The API's protocol, errors and limits | yes | played |\n"
        "| Token counts and prices | yes | estimated, list prices |\n"
        "| The knowledge of a model | yes | no |\n"
        "| The invoice | yes | no |\n\n"
        "So everything around the model behaves as it will in earnest, and costs nothing."
    )


def _list(asked: Asked) -> str:
    return (
        f"You asked {_quote(asked)}. Here is a list of what is worth trying while Claude is "
        "simulated:\n\n"
        "1. **Ask for code**, a table or a long answer, and watch how it is shown.\n"
        "2. **Ask what you said before**: the answer comes from the conversation itself.\n"
        "3. **Stop the process in the middle of an answer** and start it again. You get one "
        "complete answer, not two and not half of one.\n"
        "4. **Write while an answer is running**: your messages are answered together afterwards.\n"
        "5. **Say `/usage`** to see what this would have cost.\n\n"
        "None of it needs an account or leaves your machine."
    )


def _long(asked: Asked) -> str:
    sections = "\n\n".join(
        f"## {number}. {title}\n\n{text}" for number, (title, text) in enumerate(_CHAPTERS, 1)
    )
    return (
        f"# A long answer\n\nOn {_quote(asked)} a simulated Claude has no opinion, so this long "
        "text is about the bot you are talking to. It is long on purpose: you can see how it streams, "
        f"and how it is split where a platform limits a message.\n\n{sections}\n\n"
        "That is all. Ask for something shorter whenever you like."
    )


def _greeting(asked: Asked) -> str:
    return (
        "Hello! I am a **simulated Claude**: I speak the same protocol as the real one, but nothing "
        "you type leaves this machine and nothing is charged.\n\n"
        "You could ask me for:\n\n"
        "- a bit of *code* or a *table*, to see how Markdown is shown,\n"
        "- a *long* answer, to see it stream and split,\n"
        "- *what you said before*, to see the conversation being remembered.\n\n"
        "When you are ready for real answers, set `ANTHROPIC_API_KEY` and start again; everything "
        "else stays as it is."
    )


def _seen(asked: Asked) -> str:
    kinds = ", ".join("an image" if kind == "image" else "a document" for kind in asked.attachments)
    return (
        f"I received {kinds} along with {_quote(asked)}.\n\n"
        "A simulated Claude can't look inside, but it did check what the real API would check: the "
        "type, the encoding, the size and the number of pages. All of that was fine, so a real "
        "model would have read it.\n\n"
        "Its tokens are counted as well: a picture costs about its width times its height divided "
        "by 750, and a page of a PDF some two thousand. You find them in the usage of this answer."
    )


def _general(asked: Asked) -> str:
    if asked.attachments:
        return _seen(asked)
    shape = _GENERAL[len(split_tokens(asked.text)) % len(_GENERAL)]
    return shape.format(
        quote=_quote(asked), turn=len(asked.said_by("user")), model=asked.model.name
    )


_GENERAL = (
    (
        "You asked {quote}.\n\n"
        "I am a **simulated {model}**, so I can't know the answer. What I can do is behave like the "
        "real one on the way to you: this text is streamed piece by piece, counted in tokens, written "
        "to the history and entered in the ledger.\n\n"
        "- This is message {turn} from you in this conversation.\n"
        "- Ask *what did I say before?* and I will tell you.\n"
        "- Ask for *code*, a *table*, a *list* or something *long* to see other shapes.\n\n"
        "Set `ANTHROPIC_API_KEY` to talk to the real model instead."
    ),
    (
        "### On {quote}\n\n"
        "A real {model} would take this up in earnest. I am its stand-in for trying things out, so "
        "here is what happened to your message instead:\n\n"
        "1. It was stored before anything else, so that it can't be lost.\n"
        "2. A place in the budget was set aside for the answer.\n"
        "3. The conversation so far, {turn} of your messages, was sent to me.\n"
        "4. You are reading the reply while it is being written.\n\n"
        "> Every step is the same with the real model; only the words get better."
    ),
    (
        "About {quote}: that is beyond a **simulated {model}**, I am afraid. I exist so that the bot "
        "can be tried and tested without an account.\n\n"
        "Still, two things are worth knowing. First, the answer you see is complete or it is not there "
        "at all: should the process die now, it is finished after the next start. Second, the bot knows "
        "what every answer costs; `parley usage` prints it.\n\n"
        "This was your message number {turn} here. Try asking for a *table* or some *code* next, or for "
        "a *long* answer."
    ),
)

_CHAPTERS = (
    (
        "What happens to a message",
        (
            "Whatever you write is stored before it is acknowledged. Duplicates, which every chat "
            "platform sends now and then, are recognised by the message's own id and dropped. Then the "
            "thread is claimed: one answer at a time in each thread, in order, while other threads go "
            "on undisturbed. If you write more meanwhile, it is answered together, by the next reply."
        ),
    ),
    (
        "What happens to the answer",
        (
            "The text streams in as it is written. Interim states may be skipped when a platform asks "
            "for patience, but never the final one. History, cost and answer are saved in a single "
            "step, and only then is the visible message brought to its last state. A crash at any "
            "moment leaves one complete answer after the restart."
        ),
    ),
    (
        "What it costs",
        (
            "A model is paid by tokens: some for what is sent, more for what is written, little for "
            "what it has read before and still remembers. Since a conversation is sent again with "
            "every question, that memory, the prompt cache, decides what a long thread costs. The bot "
            "keeps the start of a conversation unchanged for as long as it can, for exactly that reason."
        ),
    ),
    (
        "What happens when things fail",
        (
            "A provider can be overloaded, slow, or gone. Requests are tried again after a pause that "
            "grows and varies, another model steps in where one stays away, and if all else fails you "
            "are told in a plain sentence, with a short reference that an operator can look up. Nothing "
            "is dropped in silence, and nothing is left half said."
        ),
    ),
    (
        "What you can do next",
        (
            "Open a second terminal and look at the usage, stop the process while it writes and start "
            "it again, or change a setting and see what it does. When you have seen enough, give it a "
            "real key and the tokens of your chat platform. Nothing else has to change."
        ),
    ),
)

_WRITERS: tuple[tuple[re.Pattern[str], Callable[[Asked], str]], ...] = (
    (
        re.compile(r"\b(did i (say|ask|tell)|i said|remember|my (last|first|previous)|before\?)"),
        _recall,
    ),
    (re.compile(r"\b(code|function|script|python|program|regex|snippet)\b"), _code),
    (re.compile(r"\b(table|compare|comparison|columns?)\b"), _table),
    (re.compile(r"\b(long|essay|detail(ed)?|story|article)\b"), _long),
    (re.compile(r"\b(list|steps|ideas|tips|ways)\b"), _list),
    (re.compile(r"^\W*(hi|hello|hey|good (morning|evening|day)|help)\b"), _greeting),
)


def _quote(asked: Asked) -> str:
    return f"“{_shortened(asked.question) or '…'}”"


def _shortened(text: str) -> str:
    """One line, short, and without the marks that would disturb the Markdown around it."""
    line = re.sub(r"[*`_<>|\s]+", " ", text).strip()
    return line if len(line) <= _QUOTE_MAX_CHARS else line[: _QUOTE_MAX_CHARS - 1].rstrip() + "…"
