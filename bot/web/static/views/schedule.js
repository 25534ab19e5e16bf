// What happens at set times.

import { h } from "../dom.js";
import { moment } from "../format.js";
import { card, chip, empty, table } from "../parts.js";

const GOOD = ["done", "shown"], UNDERWAY = ["running", "due", "sent"];

const ended = (outcome) => (outcome === null ? "" : chip(outcome, GOOD.includes(outcome) ? "good" : UNDERWAY.includes(outcome) ? "" : "bad"));

export const schedule = {
  title: "Schedule",
  everyS: () => 15,
  paths: () => ["schedule"],
  show: ([found]) => h("div", { class: "grid" },
    card("Reports and other jobs", "", found.jobs.length
      ? table("Scheduled jobs", [["Job", ""], ["Next run", "tight"], ["Last run", "tight"], ["Outcome", "tight"]],
        found.jobs.map((job) => [job.name, moment(job.next), moment(job.last), ended(job.last_outcome)]))
      : empty("Nothing is scheduled."),
    h("p", { class: "muted" }, `Days and weeks begin as the clocks in ${found.timezone} say; times are those of your browser.`))),
};
