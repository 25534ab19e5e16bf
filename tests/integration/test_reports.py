"""Digests: due at their times, made from the ledger, sent once to each destination."""
