"""`views.*`: modals and the app's home.

https://docs.slack.dev/surfaces/modals
"""

from typing import Any

from sandbox.slack.call import Answer, Call, Method, Methods
from sandbox.slack.content_rules import MAX_BLOCKS
from sandbox.slack.errors import SlackError
from sandbox.slack.platform import Platform

HOME_MAX_BLOCKS = 100
TITLE_MAX_CHARS = 24


class ViewMethods:
    """Modals and homes."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def table(self) -> Methods:
        """The methods by name."""
        return {
            "views.open": Method(self.open, tier=4),
            "views.push": Method(self.open, tier=4),
            "views.update": Method(self.update, tier=4),
            "views.publish": Method(self.publish, tier=4),
        }

    def open(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/views.open"""
        view = _checked(call)
        user_id = self._platform.surfaces.use_trigger(call.args.required("trigger_id"))
        return {"view": self._show(call, view, user_id)}

    def update(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/views.update"""
        wanted, external = call.args.text("view_id"), call.args.text("external_id")
        for view in self._platform.surfaces.views.values():
            if wanted == view["id"] or (external and external == view.get("external_id")):
                return {"view": self._platform.surfaces.replace_view(view["id"], _checked(call))}
        raise SlackError("not_found")

    def publish(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/views.publish"""
        user_id = call.args.required("user_id")
        view = _checked(call)
        if view["type"] != "home":
            raise SlackError("invalid_arguments")
        shown = self._show(call, view, user_id)
        self._platform.surfaces.homes[user_id] = shown
        self._platform.feed.add("home", {"user": user_id})
        return {"view": shown}

    def _show(self, call: Call, view: dict[str, Any], user_id: str) -> dict[str, Any]:
        app_id = self._platform.world.app.id
        return self._platform.surfaces.show_view(call.installation, view, user_id, app_id)


def _checked(call: Call) -> dict[str, Any]:
    view = call.args.structure("view", "invalid_arguments")
    if not isinstance(view, dict) or view.get("type") not in ("modal", "home"):
        raise SlackError("invalid_arguments")
    blocks = view.get("blocks")
    most = HOME_MAX_BLOCKS if view["type"] == "home" else max(MAX_BLOCKS, HOME_MAX_BLOCKS)
    if not isinstance(blocks, list) or len(blocks) > most:
        raise SlackError("invalid_arguments")
    if view["type"] == "modal":
        title = (view.get("title") or {}).get("text") or ""
        if not 0 < len(title) <= TITLE_MAX_CHARS:
            raise SlackError("invalid_arguments")
        if any(block.get("type") == "input" for block in blocks) and not view.get("submit"):
            raise SlackError("invalid_arguments")
    return view
