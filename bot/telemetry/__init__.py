"""What an operator sees of a running service: logs, metrics, traces and the event loop's lag.

Its modules are imported one by one, for a command that logs needs no metrics.
"""
