// Behind the scenes: the way of one message through the house, with times, tokens and cost.

import { h, place } from "/shared/dom.js";
import { dollars, number, seconds } from "/shared/format.js";
import { get, pause } from "./wire.js";

const LOOK_MS = 350, PATIENCE_MS = 180_000;
const STAGES = [
  ["received", "Received, and kept", "The message is in the database before the platform is told that it arrived."],
  ["claimed", "Claimed", "A replica holds the thread by a lease, and has begun the turn."],
  ["first_text", "First text", "Claude has begun to answer; the reply is being written."],
  ["committed", "Committed", "Answer, history and the closed ledger entry: one transaction."],
  ["delivered", "Delivered", "The visible reply has its final text."],
];

function stage(way, [name, title, why], start) {
  const at = way.stages[name];
  if (!at && way.stages.delivered) return h("li", { class: "done skipped" }, h("div", { class: "row" }, h("b", {}, title), h("span", { class: "when" }, "not needed")));
  const after = at && seconds(Math.max(0, (Date.parse(at) - start) / 1000));
  return h("li", { class: at ? "done" : "to-come" }, h("div", { class: "row" }, h("b", {}, title), h("span", { class: "when" }, at ? (name === "received" ? "at once" : `+ ${after}`) : "…")),
    h("p", { class: "muted" }, why));
}

function request(each) {
  const took = each.closed_at && seconds((Date.parse(each.closed_at) - Date.parse(each.opened_at)) / 1000);
  const fact = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
  return h("li", { class: "request" }, h("div", { class: "row" }, h("b", {}, each.model), h("span", {}, took ?? "running")),
    h("dl", {}, fact("Input", number(each.input_tokens)), fact("Read from cache", number(each.cache_read_tokens)), fact("Written to cache", number(each.cache_write_tokens)),
      fact("Output", number(each.output_tokens)), fact("Cost", each.status === "open" ? "…" : dollars(each.cost_usd)), fact("Entry", each.status)),
    each.status === "estimated" && h("p", { class: "muted small" }, "It died on the way: its output is estimated, and counted."));
}

export function scenes(root) {
  const events = h("ol", { class: "events" });
  const way = h("div", { class: "way" });
  const latest = h("p", { class: "latest", role: "status", hidden: true });
  const intro = h("p", { class: "muted" }, "Say something: its way through the house is shown here, from the moment it is kept to the final reply. “Follow” shows that of an older message.");
  root.replaceChildren(h("header", {}, h("h2", {}, "Behind the scenes")), latest, h("div", { class: "scroll-y", tabindex: "0", role: "region", "aria-label": "The way of a message" }, way, h("h3", {}, "What happened"), events));
  place(way, intro);
  let following = 0;

  function show(followed, found) {
    const start = Date.parse(found.stages.received);
    const cost = found.requests.reduce((sum, each) => sum + Number(each.cost_usd ?? 0), 0);
    const over = found.stages.delivered !== null;
    place(way,
      h("blockquote", {}, followed.text.slice(0, 140)),
      h("p", { class: "facts" }, h("span", { class: `chip ${over ? "good" : ""}` }, found.outcome?.replace("_", " ") ?? (found.turn ? "running" : "waiting")),
        found.reference && h("span", { class: "muted" }, "turn ", h("code", {}, found.reference)),
        found.attempts > 1 && h("span", { class: "chip warn" }, `taken over, attempt ${found.attempts}`)),
      h("ol", { class: "stages" }, STAGES.map((each) => stage(found, each, start))),
      found.requests.length > 0 && [h("h3", {}, found.requests.length === 1 ? "One request to Claude" : `${found.requests.length} requests to Claude`), h("ol", { class: "requests" }, found.requests.map(request))],
      over && h("p", { class: "sum" }, found.requests.length ? `It cost ${dollars(String(cost))}.` : "It cost nothing: no request was made."));
  }

  async function follow(message) {
    const mine = ++following, until = Date.now() + PATIENCE_MS;
    place(way, h("blockquote", {}, message.text.slice(0, 140)), h("p", { class: "muted" }, "On its way to the bot…"));
    while (mine === following && Date.now() < until) {
      try {
        const found = await get(`/via/bot/dashboard/api/messages/${encodeURIComponent(message.houseKey)}`);
        if (mine !== following) return;
        show(message, found);
        if (found.stages.delivered) return;
      } catch {
        // not there yet, or the bot is being started again: look once more
      }
      await pause(LOOK_MS);
    }
  }

  function happened(text) {
    const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(new Date());
    latest.hidden = false;
    place(latest, text);
    events.prepend(h("li", {}, h("time", {}, time), h("span", {}, text)));
    while (events.children.length > 30) events.lastChild.remove();
  }

  return { follow, happened };
}
