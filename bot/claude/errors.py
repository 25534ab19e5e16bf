"""What can go wrong with a request to Claude, and what follows from it."""

from enum import StrEnum
from typing import ClassVar


class Follows(StrEnum):
    """What it makes sense to do after an error."""

    RETRY = "retry"
    """The same model may answer a little later; when it doesn't, the next model may."""
    NEXT_MODEL = "next_model"
    """This model will not answer; another one may."""
    GIVE_UP = "give_up"
    """No model will: the request or the account is at fault, or time is up."""


class ClaudeError(Exception):
    """A request to Claude was not answered."""

    kind: ClassVar[str] = "failed"
    """One word for logs and metrics."""
    follows_by_kind: ClassVar[Follows] = Follows.GIVE_UP
    outage: ClassVar[bool] = False
    """The provider is at fault or can't be reached: the same request may be answered later."""
    blames_model: ClassVar[bool] = False
    """It counts against the model in its circuit breaker."""

    def __init__(
        self,
        message: str = "",
        *,
        model: str | None = None,
        status: int | None = None,
        error_type: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
        should_retry: bool | None = None,
    ) -> None:
        super().__init__(message or (self.__doc__ or "").partition("\n")[0])
        self.model = model
        self.status = status
        self.error_type = error_type
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.should_retry = should_retry
        self.attempts = 0
        """How many requests were made before this was the end of it."""
        self.reached_provider = True
        """False when it is certain that the request was never sent."""
        self.worked_on = False
        """The provider may have begun to work on the request, and may charge for it."""

    @property
    def follows(self) -> Follows:
        """What to do next; the provider's `x-should-retry` is obeyed."""
        if self.should_retry is True:
            return Follows.RETRY
        if self.should_retry is False and self.follows_by_kind is Follows.RETRY:
            return Follows.NEXT_MODEL
        return self.follows_by_kind


class ConnectionFailed(ClaudeError):
    """The provider can't be reached, or the connection broke."""

    kind = "connection"
    follows_by_kind = Follows.RETRY
    outage = True
    blames_model = True


class ProviderFailed(ClaudeError):
    """The provider reports a failure of its own."""

    kind = "provider"
    follows_by_kind = Follows.RETRY
    outage = True
    blames_model = True


class Overloaded(ClaudeError):
    """The provider is overloaded."""

    kind = "overloaded"
    follows_by_kind = Follows.RETRY
    outage = True
    blames_model = True


class TimedOut(ClaudeError):
    """The provider stayed silent for too long."""

    kind = "timeout"
    follows_by_kind = Follows.RETRY
    outage = True
    blames_model = True


class BrokenStream(ClaudeError):
    """The answer broke off or can't be understood."""

    kind = "broken_stream"
    follows_by_kind = Follows.RETRY
    outage = True
    blames_model = True


class RateLimited(ClaudeError):
    """The provider's rate limit for this account is used up for now."""

    kind = "rate_limited"
    follows_by_kind = Follows.RETRY
    outage = True


class ModelUnavailable(ClaudeError):
    """The model failed repeatedly and is left alone for a while."""

    kind = "breaker_open"
    follows_by_kind = Follows.NEXT_MODEL
    outage = True


class ModelNotFound(ClaudeError):
    """The provider does not know this model: it is misspelt, retired or not open to this account."""

    kind = "model_not_found"
    follows_by_kind = Follows.NEXT_MODEL


class SpendLimitReached(ClaudeError):
    """The account's spend limit is reached or its credit is used up; the operator must raise it."""

    kind = "spend_limit"


class NotAuthorised(ClaudeError):
    """The provider refuses the API key; the operator must correct it."""

    kind = "not_authorised"


class InvalidRequest(ClaudeError):
    """The provider refuses the request as it is."""

    kind = "invalid_request"


class RequestTooLarge(InvalidRequest):
    """The request has more bytes than the provider takes (32 MB)."""

    kind = "request_too_large"


class ContextTooLong(InvalidRequest):
    """The prompt does not fit into the model's context window.

    `prompt_tokens` and `max_prompt_tokens` are what the provider said, if it did.
    """

    kind = "context_too_long"
    prompt_tokens: int | None = None
    max_prompt_tokens: int | None = None


class DeadlineExceeded(ClaudeError):
    """There was no time left for an answer."""

    kind = "deadline"
    outage = True
