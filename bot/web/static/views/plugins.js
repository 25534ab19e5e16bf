// What plugins there are, and how they do.

import { h } from "../dom.js";
import { card, chip, empty, key, table } from "../parts.js";

const STATES = { healthy: "good", resting: "warn", down: "bad", broken: "bad", off: "" };

function adds(plugin) {
  if (plugin.why) return plugin.why;
  const counted = [["tool", plugin.tools], ["filter", plugin.filters], ["job", plugin.jobs], ["platform", plugin.platforms]]
    .filter(([, those]) => those?.length)
    .map(([what, those]) => `${those.length} ${what}${those.length === 1 ? "" : "s"}`);
  return [...(plugin.commands ?? []), ...counted].join(", ");
}

const state = (plugin) => [chip(plugin.state, STATES[plugin.state]),
  plugin.left_behind ? h("span", { class: "muted" }, ` ${plugin.left_behind} left behind`) : ""];

export const plugins = {
  title: "Plugins",
  everyS: () => 10,
  paths: () => ["plugins"],
  show: ([found]) => h("div", { class: "grid" },
    card("Installed", "", found.plugins.length
      ? table("Plugins", [["Plugin", "tight"], ["State", "tight"], ["What it adds", ""], ["From", "optional"]],
        found.plugins.map((plugin) => [h("b", {}, plugin.name), state(plugin), adds(plugin), key(plugin.from)]))
      : empty("No plugin is installed. `parley plugin new NAME` makes one."))),
};
