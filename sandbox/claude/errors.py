"""The official error responses."""

from collections.abc import Mapping

ERROR_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "invalid_request_error",
    409: "conflict_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    500: "api_error",
    502: "api_error",
    503: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""The `error.type` of each status, as on the provider's errors page."""

DEFAULT_MESSAGES: Mapping[int, str] = {
    400: "The request is not valid.",
    401: "invalid x-api-key",
    402: "There is an issue with your billing or payment information.",
    403: "Your API key does not have permission to use the specified resource.",
    404: "Not found",
    408: "The request took too long to arrive.",
    409: "The request conflicts with the current state of a resource.",
    413: "Request exceeds the maximum size",
    422: "The request can't be processed.",
    429: "This request would exceed your organization's rate limit. Please try again later.",
    500: "Internal server error",
    502: "Bad gateway",
    503: "Service unavailable",
    504: "The request timed out while it was being processed.",
    529: "Overloaded",
}


class ApiError(Exception):
    """A request that is answered with an error.

    `error_code` is the finer reason where the API gives one; `headers` are added to the response.
    """

    def __init__(
        self,
        status: int,
        message: str | None = None,
        *,
        error_type: str | None = None,
        error_code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.message = message or DEFAULT_MESSAGES.get(status, "Error")
        self.error_type = error_type or ERROR_TYPES.get(status, "api_error")
        self.error_code = error_code
        self.headers = dict(headers or {})
        super().__init__(f"{status} {self.error_type}: {self.message}")


def error_body(error: ApiError, request_id: str) -> dict[str, object]:
    """The official JSON body of an error."""
    inner: dict[str, object] = {"type": error.error_type, "message": error.message}
    if error.error_code is not None:
        inner["details"] = {"error_code": error.error_code}
    return {"type": "error", "error": inner, "request_id": request_id}


def invalid(path: str, message: str) -> ApiError:
    """A 400 that names the offending field, such as `messages.0.content: …`."""
    return ApiError(400, f"{path}: {message}" if path else message)
