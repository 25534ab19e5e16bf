// The frame: which view is shown, when it asks again, what is said when the service does not answer.

import { get, post, session } from "./api.js";
import { h, place } from "./dom.js";
import { chip } from "./parts.js";
import { themeButton } from "./theme.js";
import { costs } from "./views/costs.js";
import { overview } from "./views/overview.js";
import { plugins } from "./views/plugins.js";
import { schedule } from "./views/schedule.js";
import { settings } from "./views/settings.js";

const VIEWS = { overview, costs, schedule, plugins, settings };
const at = (id) => document.getElementById(id);

const AGAIN_S = 2; // after no answer

let timer = 0;
let round = 0; // grows whenever another view or period is asked for, so that late answers are dropped
let last = null;

const chosen = () => VIEWS[location.hash.slice(1)] ?? overview;

function showTabs() {
  place(at("tabs"), Object.entries(VIEWS).map(([name, view]) =>
    h("a", { href: `#${name}`, "data-key": name, "aria-current": view === chosen() ? "page" : null }, view.title)));
}

function trouble(text) {
  const shown = at("trouble").textContent;
  if (shown !== (text ?? "")) place(at("trouble"), text && h("p", { class: "banner" }, text));
  place(at("state"), chip(text ? "not connected" : "live", text ? "bad" : "good"));
}

// What is scrolled or unfolded stays so.
function keepingPlace(where, change) {
  const before = [...where.querySelectorAll(".table-scroll")].map((each) => each.scrollLeft);
  const open = [...where.querySelectorAll("details")].map((each) => each.open);
  change();
  where.querySelectorAll(".table-scroll").forEach((each, index) => { each.scrollLeft = before[index] ?? 0; });
  where.querySelectorAll("details").forEach((each, index) => { each.open = open[index] ?? false; });
}

function draw(view, found) {
  last = found;
  const again = (asItIs) => (asItIs ? draw(view, last) : refresh());
  keepingPlace(at("view"), () =>
    place(at("view"), h("div", { class: "view-head" }, h("h1", {}, view.title), view.extra?.(again)), view.show(found, again)));
}

async function refresh() {
  clearTimeout(timer);
  const mine = ++round, view = chosen();
  let waitS = AGAIN_S;
  try {
    const found = await Promise.all(view.paths().map(get));
    if (mine !== round) return;
    trouble(null);
    waitS = view.everyS(found);
    const typing = document.activeElement?.matches("input, select") && at("view").contains(document.activeElement);
    if (!typing) draw(view, found);
  } catch (error) {
    if (mine !== round) return;
    if (error.status === 401) return signIn();
    trouble(error.message);
  }
  if (!document.hidden) timer = setTimeout(refresh, waitS * 1000);
}

function signIn() {
  place(at("state"));
  place(at("tabs"));
  const why = h("p", { class: "muted", role: "status" });
  const field = h("input", { class: "field", type: "password", autocomplete: "current-password", required: true });
  const form = h("form", {
    class: "card sign-in",
    onsubmit: async (event) => {
      event.preventDefault();
      try {
        await post("session", { token: field.value });
        await start();
      } catch (error) {
        place(why, error.message);
      }
    },
  }, h("h1", {}, "Parley"), h("label", {}, "Operators' token", field), why,
    h("button", { class: "button primary" }, "Sign in"));
  place(at("view"), form);
  field.focus();
}

async function start() {
  try {
    await session();
  } catch (error) {
    if (error.status === 401) return signIn();
    trouble(error.message);
    timer = setTimeout(start, AGAIN_S * 1000);
    return;
  }
  go();
}

function go() {
  showTabs();
  document.title = `${chosen().title} · Parley`;
  refresh();
}

themeButton(at("theme"));
addEventListener("hashchange", go);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
start();
