"""Nothing that is written into Slack pings anybody, at whatever place it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack.harmless import WORD_JOINER, escaped, harmless, harmless_so_far, size
from adapters.slack.mrkdwn import cut, mrkdwn
from sandbox.slack.messages import Content
from sandbox.slack.pings import targets_in

ADA = "U0ADA00001"
HOSTILE = (
    "<!channel>",
    "<!here|here>",
    "<!everyone> <!subteam^S0123456789|@team>",
    f"<@{ADA}> <@{ADA}|ada> <@W0ORG>",
    f"`<@{ADA}>` and ```\n<!channel>\n```",
    "<<!channel>> <<<@U1>>>",
    "&lt;!channel&gt; &LT;!here&gt; &#60;!here&#62; &#x3c;@U1&#x3E; <&#64;U1> <&excl;channel>",
    "<#C0SANDBOX1> <#C0SANDBOX1|general>",
    "@channel @here @everyone",
)
PIECES = st.lists(
    st.sampled_from(
        ["<", ">", "@", "!", "#", "|", "&lt;", ADA, "U0B", "channel", "here", "x", " ", "\n", "`"]
    )
).map("".join)


def pings(text: str) -> set[str]:
    """Whom Slack would notify of this text, in a message or a stream."""
    return targets_in(Content(text=text)) | targets_in(Content(markdown=text))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_pings_nobody_and_looks_the_same(text: str) -> None:
    """Only something invisible is put into it."""
    shown = harmless(text)
    assert pings(shown) == set()
    assert shown.replace(WORD_JOINER, "") == text


@given(PIECES)
def test_no_text_pings_anybody(text: str) -> None:
    """Of any pieces that mentions are made of."""
    assert pings(harmless(text)) == set()
    assert pings(mrkdwn(text)) == set()
    assert pings(escaped(text)) == set()


@given(PIECES)
def test_only_who_takes_part_can_be_pinged(text: str) -> None:
    """And nobody else, whatever surrounds the mention."""
    assert pings(harmless(text, {ADA})) <= {ADA}


@given(PIECES, st.data())
def test_a_stream_pings_nobody_wherever_it_is_cut(text: str, data: st.DataObject) -> None:
    """Each piece is appended to what is there: at no moment a mention comes together, and in the end it is
    the whole text, unless what is there must be changed."""
    for allowed in (frozenset[str](), frozenset({ADA})):
        cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
        written = ""
        for cut_at in cuts:
            view = harmless_so_far(text[:cut_at], allowed)
            if view.startswith(written):
                written = view
            assert pings(written) <= allowed
        whole = harmless(text, allowed)
        assert pings(whole) <= allowed


@pytest.mark.parametrize("text", [f"Hello <@{ADA}>, yes <@U0B> <!channel> & <b>.", *HOSTILE[:4]])
def test_a_stream_only_grows(text: str) -> None:
    """One character at a time: nothing that was shown has to be taken back."""
    written = ""
    for length in range(1, len(text) + 1):
        view = harmless_so_far(text[:length], {ADA})
        assert view.startswith(written)
        written = view
    assert harmless(text, {ADA}).startswith(written)


def test_the_size_never_shrinks_as_a_text_grows() -> None:
    """As the splitter needs it."""
    text = f"a<@{ADA}>\N{GRINNING FACE}<!here>&lt;!x"
    sizes = [size(text[:length]) for length in range(len(text) + 1)]
    assert sizes == sorted(sizes)
    assert size("\N{GRINNING FACE}") == 2


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("**Costs**: $1 & <more>", "*Costs*: $1 &amp; &lt;more&gt;"),
        ("# Commands\n- `/help` what\n  * inner", "*Commands*\n• `/help` what\n  • inner"),
        ("[a page](https://example.com/x) ~~old~~", "<https://example.com/x|a page> ~old~"),
        ("```\n**not bold** <b>\n```", "```\n**not bold** &lt;b&gt;\n```"),
        ("[x](javascript:alert) [<!here>](https://a.b)", None),
    ],
)
def test_markdown_becomes_slacks_markup(markdown: str, expected: str | None) -> None:
    """As far as cards and pages need it."""
    shown = mrkdwn(markdown)
    if expected is None:
        expected = "[x](javascript:alert) <https://a.b|&lt;!here&gt;>"
    assert shown == expected


def test_what_is_cut_is_not_torn() -> None:
    """A character reference stays whole or goes."""
    assert cut("abc", 3) == "abc"
    assert cut("abcdef", 4) == "abc…"
    assert cut("ab&amp;cd", 6) == "ab…"
