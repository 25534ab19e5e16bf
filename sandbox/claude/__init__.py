"""A simulated Claude API: the real SDK talks to it, nothing leaves the machine, nothing is charged."""

from sandbox.claude.asked import Asked
from sandbox.claude.bill import Bill, BillRow, BillStatus
from sandbox.claude.faults import Fault, FaultKind
from sandbox.claude.limits import RateLimits
from sandbox.claude.pace import Pace
from sandbox.claude.remote import ClaudeProcess, RemoteClaude
from sandbox.claude.request_log import SeenRequest
from sandbox.claude.script import Refusal, Reply, SearchResult, ToolCall, WebSearch
from sandbox.claude.server import SimulatedClaude
from sandbox.outcome import Outcome

__all__ = [
    "Asked",
    "Bill",
    "BillRow",
    "BillStatus",
    "ClaudeProcess",
    "Fault",
    "FaultKind",
    "Outcome",
    "Pace",
    "RateLimits",
    "Refusal",
    "RemoteClaude",
    "Reply",
    "SearchResult",
    "SeenRequest",
    "SimulatedClaude",
    "ToolCall",
    "WebSearch",
]
