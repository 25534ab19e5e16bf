"""Digests: due at their times, made from the ledger, sent once to each destination."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Connection, update

from adapters.memory import Posted
from bot.money.amounts import to_the_cent
from bot.reports.announcing import PARLEY
from storage import reports
from storage.ledger import ledger, turns
from storage.reports import ReportStatus
from tests.engine_rig import Rig, engine
from tests.support import wait_until
