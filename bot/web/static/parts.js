// The parts that views are made of: cards, tiles, tables, bars.

import { h } from "./dom.js";

export const card = (title, size, ...content) =>
  h("section", { class: `card ${size}` }, h("header", {}, h("h2", {}, title)), content);

export const tile = (label, figure, note, alarm = false) =>
  h("div", { class: `card tile${alarm ? " alarm" : ""}` },
    h("p", { class: "label" }, label), h("p", { class: "figure" }, figure), h("p", { class: "note" }, note));

export const chip = (text, kind = "") => h("span", { class: `chip ${kind}` }, text);
export const key = (text) => h("span", { class: "key" }, text);
export const empty = (text) => h("p", { class: "empty" }, text);

// A column is [heading, kind]: kind is "number", "tight", "optional" or several of them.
export function table(label, columns, rows) {
  const head = columns.map(([heading, kind]) => h("th", { scope: "col", class: kind }, heading));
  const body = rows.map((row) =>
    h("tr", {}, row.map((cell, index) => h("td", { class: columns[index][1] }, cell))));
  return h("div", { class: "table-scroll", role: "region", tabindex: "0", "aria-label": label },
    h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, body)));
}

// How much of something is used; `label` is what a screen reader says.
export function share(part, label, kind = "") {
  const shown = Math.min(1, Math.max(0, part));
  return h("span", {
    class: `share ${kind}`, role: "meter", "aria-label": label,
    "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": String(Math.round(shown * 100)),
    vars: { "--part": `${(shown * 100).toFixed(1)}%` },
  }, h("span", {}));
}
