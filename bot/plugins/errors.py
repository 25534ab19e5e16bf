"""What plugin code raises on purpose."""


class PluginError(Exception):
    """Something about a plugin is wrong; the message says what, where and what to do."""


class Told(Exception):
    """The plugin can't do what was asked, and says why: the message is shown to the person as it is.

    Nothing else that a plugin raises is ever shown to anybody.
    """


class NotHere(PluginError):
    """The context has no such thing on this occasion, such as a message in a scheduled job."""
