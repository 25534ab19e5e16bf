"""What an operator sees of a running service: logs, metrics, traces and the event loop's lag."""
