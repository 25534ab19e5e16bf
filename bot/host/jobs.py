"""The jobs of plugins, for the scheduler."""

import functools
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from bot.host.cron import trigger_of
from bot.host.host import PluginHost
from bot.host.occasion import Occasion
from bot.plugins import PluginError
from bot.plugins.declarations import JobSpec
from bot.scheduler import Job

log = structlog.get_logger(__name__)

SPARE_S = 5.0
"""The shield ends a job at its timeout; the scheduler's own comes a little later."""


def plugin_jobs(host: PluginHost, occasion: Occasion, *, zone: ZoneInfo) -> list[Job]:
    """All jobs of all plugins, in the operator's time zone unless they have their own; one whose time
    can't be understood is left out and reported."""
    jobs = []
    for spec in host.jobs():
        try:
            trigger = trigger_of(spec.cron, ZoneInfo(spec.timezone) if spec.timezone else zone)
        except (PluginError, OSError, ValueError) as error:
            log.error("job left out", plugin=spec.plugin, job=spec.name, why=str(error))
            continue
        work = functools.partial(_run, host, spec, occasion)
        jobs.append(Job(f"{spec.plugin}.{spec.name}", trigger, work, spec.timeout_s + SPARE_S))
    return jobs


async def _run(host: PluginHost, spec: JobSpec, occasion: Occasion, _due_at: datetime) -> None:
    await host.run_job(spec, occasion)
