"""Processes forked from one that has imported what they need, since a test run starts hundreds.

A `server` forks whatever an `order` tells it to. There is one for each of the `programs`, for all processes
of a test run, and its `address` is known to them. A `stand_in` is for those who can only start commands,
and a `worker` is a process that runs tests.
"""
