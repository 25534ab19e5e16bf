"""Claude: one client for every request to the model provider, and what it needs.

`client.ClaudeClient` is the way in; `answer` and `errors` say what comes out of it.
"""
