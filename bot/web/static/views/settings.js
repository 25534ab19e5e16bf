// The settings in force, and where each comes from.

import { h } from "../dom.js";
import { card, empty, key, table } from "../parts.js";

let wanted = "";

const shown = (value) => (value === null || value === "" ? "not set" : typeof value === "string" ? value : JSON.stringify(value));

function search(again) {
  return h("input", {
    class: "field", type: "search", placeholder: "Find a setting", "aria-label": "Find a setting",
    "data-key": "search", value: wanted, oninput: (event) => { wanted = event.target.value; again(true); },
  });
}

export const settings = {
  title: "Settings",
  everyS: () => 60,
  paths: () => ["settings"],
  extra: (again) => search(again),
  show: ([found]) => {
    const rows = found.settings.filter((each) => `${each.key} ${shown(each.value)}`.toLowerCase().includes(wanted.toLowerCase()));
    return h("div", { class: "grid" },
      found.warnings.map((warning) => h("p", { class: "banner card" }, warning)),
      card("In force", "", rows.length
        ? table("Settings", [["Setting", ""], ["Value", ""], ["From", "optional"]],
          rows.map((each) => [key(each.key), key(shown(each.value)), h("span", { class: "muted" }, each.from)]))
        : empty("No setting is called so.")));
  },
};
