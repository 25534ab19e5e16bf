// What goes on just now.

import { post } from "../api.js";
import { h } from "../dom.js";
import { cost, moment, number, seconds, since } from "../format.js";
import { card, chip, empty, key, share, table, tile } from "../parts.js";

const BREAKERS = { closed: ["answers", "good"], half_open: ["being tried", "warn"], open: ["left alone", "bad"] };
const STATES = { open: ["running", "good"], answered: ["delivering", "good"], deferred: ["put off", "warn"] };
const BUCKETS = {
  requests: "Requests a minute", tokens: "Tokens a minute",
  "input-tokens": "Input tokens a minute", "output-tokens": "Output tokens a minute",
};

const spread = (values) => (values ? [seconds(values.p50), `95 % within ${seconds(values.p95)}`] : ["–", "no turn in 24 hours"]);

function tiles(now, today) {
  return h("div", { class: "tiles" },
    tile("Turns under way", number(now.underway.length), `${number(now.claude.waiting)} wait for Claude, ${number(now.claude.free)} more could go`),
    tile("Messages waiting", number(now.queue.waiting), now.queue.waiting ? `the oldest for ${seconds(now.queue.oldest_s)}` : "nobody waits"),
    tile("Time to first text", ...spread(now.speed.first_text_s)),
    tile("Time to final", ...spread(now.speed.final_s)),
    tile("Cost today", cost(today), `${number(today.turns)} answers`),
    tile("Parked turns", number(now.parked.length), now.parked.length ? "see below" : "nothing failed", now.parked.length > 0));
}

function underway(now) {
  if (!now.underway.length) return empty("No turn is running.");
  return table("Turns under way",
    [["Turn", "tight"], ["State", "tight"], ["Channel", ""], ["Person", "optional"], ["For", "number"], ["Replica", "optional"]],
    now.underway.map((turn) => [
      key(turn.reference), chip(...(STATES[turn.state] ?? [turn.state])), key(turn.channel), key(turn.person),
      since(turn.opened_at, now.at), key(turn.replica ?? "–"),
    ]));
}

function model(each) {
  return h("li", {},
    h("div", { class: "row" }, h("b", {}, each.model), chip(...BREAKERS[each.breaker])),
    each.limits.map((limit) => {
      const used = limit.limit ? 1 - limit.remaining / limit.limit : 0;
      const label = BUCKETS[limit.bucket] ?? limit.bucket;
      return h("div", { class: "limit" },
        h("div", { class: "row muted" }, h("span", {}, label), h("span", {}, `${number(limit.remaining)} of ${number(limit.limit)} left`)),
        share(used, `${label}: used`, used > 0.9 ? "bad" : used > 0.7 ? "warn" : ""));
    }));
}

function provider(now) {
  if (!now.claude.models.length) return empty("Claude has not been asked since this process started.");
  return h("ul", { class: "list" }, now.claude.models.map(model));
}

function failures(now) {
  if (!now.failures.length) return empty("No turn is parked.");
  return h("ul", { class: "list" }, now.failures.map((each) =>
    h("li", {}, h("div", { class: "row" }, h("b", {}, each.kind), h("span", {}, number(each.count))),
      h("div", { class: "muted key" }, each.references.join("  ")))));
}

function retryButton(turn, again) {
  return h("button", {
    class: "button", type: "button", "data-key": `retry-${turn.turn}`, "aria-label": `Try turn ${turn.reference} again`,
    onclick: async (event) => {
      event.target.disabled = true;
      await post(`turns/${turn.turn}/retry`).finally(again);
    },
  }, "Try again");
}

function parked(now, again) {
  if (!now.parked.length) return empty("Turns that failed are kept here, to be tried again.");
  return table("Parked turns",
    [["Turn", "tight"], ["Why", ""], ["Thread", "optional"], ["Opened", "tight"], ["", "number"]],
    now.parked.map((turn) => [key(turn.reference), turn.why, key(turn.thread), moment(turn.opened_at), retryButton(turn, again)]));
}

function outcomes(now) {
  if (!now.outcomes.length) return empty("No turn in 24 hours.");
  const all = now.outcomes.reduce((sum, each) => sum + each.count, 0);
  return h("ul", { class: "list" }, now.outcomes.map((each) =>
    h("li", {}, h("div", { class: "row" }, h("b", {}, each.outcome.replace("_", " ")), h("span", {}, number(each.count))),
      share(each.count / all, `Share of ${each.outcome}`))));
}

export const overview = {
  title: "Overview",
  everyS: () => 2,
  paths: () => ["now", "costs?period=day"],
  show: ([now, costs], again) => h("div", { class: "grid" },
    tiles(now, costs.totals.day),
    card("Under way", "two-thirds", underway(now)),
    card("Claude", "third", provider(now)),
    card("Parked", "two-thirds", parked(now, again)),
    card("Errors by kind", "third", failures(now)),
    card("How turns ended, of the last 24 hours", "half", outcomes(now)),
    card("Connections", "half", h("ul", { class: "list" }, Object.entries(now.checks).map(([name, said]) =>
      h("li", { class: "row" }, h("b", {}, name), chip(said, said === "ok" ? "good" : "bad")))))),
};
