"""What stands: the schedule, the plugins, the settings in force."""

from dataclasses import asdict
from datetime import datetime

from bot.breaker import BreakerState
from bot.host.host import Live as LivePlugin
from bot.host.host import PluginHost
from bot.host.offers import offer_of
from bot.reports.schedule import ReportSchedule
from bot.scheduler import Job, Scheduler
from bot.vocabulary import Clock
from bot.web.money import Json
from config import Settings
from config.listing import entries
from storage import overview, reports
from storage.database import Database
from storage.overview import Run
from storage.reports import Sending


class Standing:
    """Lists it."""

    def __init__(
        self,
        *,
        database: Database,
        settings: Settings,
        host: PluginHost,
        scheduler: Scheduler,
        clock: Clock,
    ) -> None:
        self._database = database
        self._settings = settings
        self._host = host
        self._scheduler = scheduler
        self._clock = clock
        zone = settings.operators.zone
        self._reports = [ReportSchedule(each, operators=zone) for each in settings.reports]

    async def schedule(self) -> Json:
        """Every report and every other job, with the last run and the next. Raises `StorageError`."""
        jobs = self._scheduler.jobs
        runs = await self._database.read(overview.last_runs, [job.name for job in jobs])
        now = self._clock.now()
        listed = [_job(job, runs.get(job.name), now) for job in jobs]
        for schedule in self._reports:
            sent = await self._database.read(reports.all_of, schedule.report.name)
            last = {each.destination: each for each in sent}
            listed += [_report(schedule, to, last.get(to), now) for to in schedule.report.to]
        return {
            "timezone": self._settings.operators.timezone,
            "jobs": sorted(listed, key=lambda job: str(job["next"])),
        }

    def plugins(self) -> Json:
        """Every plugin: what it adds, and how it does."""
        loading = self._host.loading
        return {
            "plugins": [
                *(_plugin(each) for each in self._host.plugins),
                *(
                    {"name": each.name, "from": each.origin, "state": "broken", "why": each.why}
                    for each in loading.broken
                ),
                *(
                    {"name": each.name, "from": each.origin, "state": "off"}
                    for each in loading.disabled
                ),
            ]
        }

    def settings(self) -> Json:
        """Every setting in force and where it comes from; no secret."""
        return {
            "settings": [
                {"key": each.key, "value": each.value, "from": each.origin}
                for each in entries(self._settings)
            ],
            "warnings": list(self._settings.warnings),
        }


def _job(job: Job, run: Run | None, now: datetime) -> Json:
    due = job.trigger.get_next_fire_time(None, now)
    return {
        "name": job.name,
        "next": due.isoformat() if due else None,
        "last": None if run is None else run.due_at.isoformat(),
        "last_outcome": None if run is None else run.outcome or "running",
    }


def _report(schedule: ReportSchedule, to: str, last: Sending | None, now: datetime) -> Json:
    """A report and where it goes, as a job is listed."""
    return {
        "name": f"report {schedule.report.name} to {to}",
        "next": schedule.next_due(now).isoformat(),
        "last": None if last is None else last.due_at.isoformat(),
        "last_outcome": None if last is None else last.status.value,
    }


def _plugin(live: LivePlugin) -> Json:
    plugin = live.loaded.plugin
    return {
        "name": live.name,
        "from": live.loaded.origin,
        "state": _state(live),
        "left_behind": len(live.shield.left_behind),
        "commands": [f"/{each.name}" for each in plugin.commands],
        "offers": [asdict(offer_of(each, each.role)) for each in plugin.commands],
        "tools": [each.name for each in plugin.tools],
        "filters": [each.name for each in plugin.filters],
        "jobs": [each.name for each in plugin.jobs],
        "platforms": [each.name for each in plugin.adapters],
    }


def _state(live: LivePlugin) -> str:
    if live.down:
        return "down"
    return "healthy" if live.shield.state is BreakerState.CLOSED else "resting"
