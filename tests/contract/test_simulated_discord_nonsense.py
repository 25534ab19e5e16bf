"""Whatever is sent to the simulated Discord, it answers as an API does."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.discord import SimulatedDiscord
from tests.contract.discord_clients import bare

SCALARS = st.none() | st.booleans() | st.integers(-5, 2**40) | st.text(max_size=5)
NONSENSE = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "components",
                    "custom_id",
                    "label",
                    "style",
                    "title",
                    "fields",
                    "footer",
                    "text",
                    "name",
                    "value",
                    "parse",
                    "users",
                    "roles",
                    "message_id",
                    "id",
                    "description",
                    "accessory",
                    "options",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        "content",
        "embeds",
        "components",
        "flags",
        "nonce",
        "enforce_nonce",
        "allowed_mentions",
        "message_reference",
        "attachments",
        "tts",
    ]
)


@given(bodies=st.lists(st.dictionaries(FIELDS, NONSENSE, max_size=4), min_size=5, max_size=10))
@settings(max_examples=40)
async def test_no_message_breaks_it(bodies: list[dict[str, Any]]) -> None:
    """It is posted or refused; the simulator itself does not fail, and shows what it took."""
    async with SimulatedDiscord() as simulated, bare(simulated) as client:
        path = f"/channels/{simulated.world.channel('general').id}/messages"
        _, posted = await client.ask("POST", path, json={"content": "x"})
        for body in bodies:
            for method, where in (("POST", path), ("PATCH", f"{path}/{posted['id']}")):
                response, found = await client.ask(method, where, data=json.dumps(body))
                assert response.status in (200, 400), (body, found)
        response, _ = await client.ask("GET", path)
        assert response.status == 200
