// What it cost: today, this week, this month; by day; against the budgets; by whom and what.

import { costChart } from "../chart.js";
import { h } from "../dom.js";
import { cost, dollars, moment, number, percent, tokens } from "../format.js";
import { card, chip, empty, key, share, table, tile } from "../parts.js";

const PERIODS = [["day", "Today"], ["week", "This week"], ["month", "This month"]];
const TABLES = [["channel", "By channel"], ["model", "By model"], ["person", "By person"], ["plugin", "By plugin"]];

const SHOWN = 8;

let period = "month";
const unfolded = new Set();

function total(name, sums) {
  const prompt = sums.input_tokens + sums.cache_read_tokens + sums.cache_write_tokens;
  const cached = prompt ? `${percent(sums.cache_read_tokens / prompt)} of input from the cache` : "nothing asked yet";
  return tile(name, cost(sums), `${number(sums.turns)} answers; ${cached}`);
}

function budget(each) {
  const spent = Number(each.spent_usd) + Number(each.held_usd);
  const limit = each.limit_usd === null ? null : Number(each.limit_usd);
  const part = limit ? spent / limit : 0;
  const kind = part >= 1 ? "bad" : part >= 0.8 ? "warn" : "";
  const of = limit === null ? "no limit any more" : `of ${dollars(each.limit_usd)}`;
  const subject = each.subject === "all" ? "Everything" : each.subject;
  return h("li", {},
    h("div", { class: "row" }, h("b", {}, subject, " ", h("span", { class: "muted" }, `a ${each.period}`)),
      h("span", {}, `${dollars(each.spent_usd)} ${of}`, kind && [" ", chip(kind === "bad" ? "used up" : "nearly used up", kind)])),
    limit !== null && share(part, `${subject}: spent of the budget`, kind),
    h("div", { class: "muted row" }, h("span", {}, Number(each.held_usd) ? `${dollars(each.held_usd)} set aside for what is running` : ""),
      h("span", {}, `until ${moment(each.ends_at)}`)));
}

function budgets(costs) {
  if (!costs.budgets_set) return empty("No budget is set: [[budgets]] in parley.toml.");
  if (!costs.budgets.length) return empty("Nothing has been counted against a budget in its present period.");
  return h("ul", { class: "list" }, costs.budgets.map(budget));
}

function row(each, dearest) {
  const subject = each.rest ? `${number(each.rest)} others` : (each.subject ?? "none");
  const bar = !each.rest && share(Number(each.cost_usd) / dearest, `${subject}: cost against the dearest`);
  const all = each.input_tokens + each.cache_read_tokens + each.cache_write_tokens + each.output_tokens;
  return [[key(subject), bar], number(each.requests), each.rest ? "" : tokens(all), cost(each)];
}

function unfold(name, rows, again) {
  const open = unfolded.has(name);
  return rows.length > SHOWN && h("button", {
    class: "button more", type: "button", "data-key": `more-${name}`, "aria-expanded": String(open),
    onclick: () => { open ? unfolded.delete(name) : unfolded.add(name); again(true); },
  }, open ? `Show ${SHOWN} alone` : `Show all ${number(rows.length)}`);
}

function usage(name, label, rows, again) {
  if (!rows.length) return empty("Nothing in this period.");
  const shown = unfolded.has(name) ? rows : rows.slice(0, SHOWN);
  const dearest = Number(rows[0].cost_usd) || 1;
  const heading = name[0].toUpperCase() + name.slice(1);
  return [
    table(label, [[heading, ""], ["Requests", "number"], ["Tokens", "number optional"], ["Cost", "number"]],
      shown.map((each) => row(each, dearest))),
    unfold(name, rows, again),
  ];
}

function chosen(again) {
  return h("div", { class: "segments", role: "group", "aria-label": "Period of the tables" }, PERIODS.map(([value, name]) =>
    h("button", {
      type: "button", "data-key": `period-${value}`, "aria-pressed": String(value === period),
      onclick: () => { period = value; again(); },
    }, name)));
}

export const costs = {
  title: "Costs",
  everyS: ([found]) => (found.missing_days > 0 ? 1 : 10),
  paths: () => [`costs?period=${period}`],
  extra: (again) => chosen(again),
  show: ([found], again) => h("div", { class: "grid" },
    found.missing_days > 0 && h("p", { class: "banner calm card" }, `Reading the ledger: ${found.missing_days} days to go.`),
    h("div", { class: "tiles" }, PERIODS.map(([value, name]) => total(name, found.totals[value]))),
    card("Cost by day and model", "two-thirds", costChart(found.days)),
    card("Budgets", "third", budgets(found)),
    TABLES.map(([name, label]) => card(label, "half", usage(name, label, found.by[name], again)))),
};
