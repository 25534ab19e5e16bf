"""Doing to a request what a fault says."""

from aiohttp import web

from bot.vocabulary import Clock
from sandbox.slack.errors import SlackError
from sandbox.slack.faults import Fault, FaultKind
from sandbox.striking import Struck, break_off, hang, web_page


async def strike(request: web.Request, fault: Fault, clock: Clock) -> None:
    """Do what the fault says before anything is done; return if the request is to go on.

    Raises:
        SlackError: what is answered.
        Struck: what is answered, if it is no refusal of Slack's.
    """
    if fault.kind is FaultKind.ERROR:
        raise SlackError(fault.error)
    if fault.kind is FaultKind.STATUS:
        raise SlackError("service_unavailable", status=fault.status)
    if fault.kind is FaultKind.RATE_LIMITED:
        raise rate_limited(fault.retry_after_s)
    if fault.kind is FaultKind.NOT_JSON:
        raise Struck(web_page())
    if fault.kind is FaultKind.HANG:
        await hang()
    if fault.kind is FaultKind.DELAY:
        await clock.sleep(fault.delay_s)
    if fault.kind is FaultKind.DROP:
        break_off(request, reset=fault.reset)


def strike_late(request: web.Request, fault: Fault) -> None:
    """Do what the fault says when all is done but the answer. Raises `Struck`."""
    if fault.kind is FaultKind.LOST_ANSWER:
        break_off(request, reset=fault.reset)


def rate_limited(retry_after_s: int) -> SlackError:
    """The refusal of a call too many."""
    return SlackError("ratelimited", status=429, headers={"Retry-After": str(retry_after_s)})
