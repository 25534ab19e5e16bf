// Stacked columns, one a day: an SVG that can be walked through by keyboard, and the same as a table.

import { h, svg } from "./dom.js";
import { day, dollars } from "./format.js";
import { table } from "./parts.js";

const HEIGHT = 240, LEFT = 46, BOTTOM = 22, TOP = 10, SERIES = 6, NARROW = 520;

// The models by their sums, the dearest first; those beyond the colours share the last.
function series(days) {
  const sums = new Map();
  for (const each of days) {
    for (const [model, usd] of Object.entries(each.by_model ?? {})) {
      sums.set(model, (sums.get(model) ?? 0) + Number(usd));
    }
  }
  const names = [...sums.keys()].sort((one, other) => sums.get(other) - sums.get(one));
  return names.length <= SERIES ? names : [...names.slice(0, SERIES - 1), "others"];
}

function amounts(each, names) {
  const found = new Map(names.map((name) => [name, 0]));
  for (const [model, usd] of Object.entries(each.by_model ?? {})) {
    const name = found.has(model) ? model : "others";
    found.set(name, (found.get(name) ?? 0) + Number(usd));
  }
  return found;
}

// A round number at or above the highest column, and how many steps lead to it.
function scale(highest) {
  if (highest <= 0) return [1, 1];
  const magnitude = 10 ** Math.floor(Math.log10(highest));
  for (const [factor, steps] of [[1, 4], [2, 4], [4, 4], [5, 5], [10, 5]]) {
    if (factor * magnitude >= highest) return [factor * magnitude, steps];
  }
  return [highest, 4];
}

const money = (value) => (value >= 10 ? `$${value.toFixed(0)}` : `$${Number(value.toPrecision(2))}`);

// As wide as it will be shown, so that its letters have the size they should have.
function widthNow() {
  const page = Math.min(document.documentElement.clientWidth, 1240);
  return Math.round(page >= 900 ? page * 0.61 : page - 66);
}

function axis(top, steps, y, width) {
  return Array.from({ length: steps + 1 }, (_, step) => {
    const value = (top / steps) * step;
    return [
      svg("line", { class: "rule", x1: LEFT, x2: width, y1: y(value), y2: y(value) }),
      svg("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, money(value)),
    ];
  });
}

function column(each, names, x, width, y) {
  const found = amounts(each, names);
  const total = [...found.values()].reduce((sum, value) => sum + value, 0);
  const said = each.by_model === null ? `${day(each.day)}: not read yet` : `${day(each.day)}: ${dollars(total)}`;
  let bottom = 0;
  const parts = names.map((name, index) => {
    const value = found.get(name) ?? 0, from = bottom;
    bottom += value;
    return value > 0 && svg("rect", {
      class: `bar-part series-${index + 1}`, x, width, y: y(bottom), height: Math.max(0, y(from) - y(bottom)),
      rx: 1.5,
    });
  });
  const unread = each.by_model === null &&
    svg("rect", { class: "unread", x, width, y: TOP, height: HEIGHT - BOTTOM - TOP, rx: 3 });
  return svg("g", { class: "column", role: "listitem", tabindex: "0", "aria-label": said },
    svg("title", {}, said), svg("rect", { x: x - 2, width: width + 4, y: TOP, height: HEIGHT - BOTTOM - TOP, fill: "transparent" }),
    unread, parts);
}

export function costChart(days) {
  const whole = widthNow(), every = whole < NARROW ? 10 : 5;
  const names = series(days);
  const totals = days.map((each) => [...amounts(each, names).values()].reduce((sum, value) => sum + value, 0));
  const [top, steps] = scale(Math.max(...totals));
  const y = (value) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - BOTTOM - TOP);
  const step = (whole - LEFT) / days.length, width = Math.max(4, step * 0.68);
  const columns = days.map((each, index) => column(each, names, LEFT + index * step + (step - width) / 2, width, y));
  const labels = days.map((each, index) => (days.length - 1 - index) % every === 0 &&
    svg("text", index === days.length - 1
      ? { x: whole, y: HEIGHT - 6, "text-anchor": "end" }
      : { x: LEFT + (index + 0.5) * step, y: HEIGHT - 6, "text-anchor": "middle" }, day(each.day)));
  return [
    svg("svg", { class: "chart", viewBox: `0 0 ${whole} ${HEIGHT}`, role: "list", "aria-label": "Cost by day and model" },
      axis(top, steps, y, whole), columns, labels),
    h("ul", { class: "legend" }, names.map((name, index) => h("li", { class: `series-${index + 1}` }, name || "–"))),
    h("details", { class: "as-table" }, h("summary", {}, "As a table"),
      table("Cost by day", [["Day", "tight"], ...names.map((name) => [name, "number"]), ["Total", "number"]],
        days.map((each, index) => [day(each.day),
          ...names.map((name) => dollars(amounts(each, names).get(name) ?? 0)), dollars(totals[index])]).reverse())),
  ];
}
