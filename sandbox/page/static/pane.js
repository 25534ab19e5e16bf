// A platform side by side with the other: its places, a conversation, and somebody to speak as.

import { h, place } from "/shared/dom.js";
import { composer } from "./composer.js";
import { messageElement } from "./message.js";

const QUIET_MS = 900; // a text of the bot's that has not changed for so long is read out

export function pane(service, root, { commands, follow, announce }) {
  let here = null, thread = null, replyTo = null, editing = null;
  const seen = new Map(); // person and place → the newest message they have seen there
  const elements = new Map();
  let quiet = 0;

  const people = h("select", { class: "field", "aria-label": `Speak on ${service.name} as`, onchange: () => speakAs(people.value) });
  const title = h("h2", {});
  const places = h("nav", { class: "places", "aria-label": `${service.name}: channels` });
  const where = h("div", { class: "where" });
  const log = h("ol", { class: "log", role: "log", "aria-live": "off", tabindex: "0" });
  const status = h("p", { class: "typing", "aria-live": "off" });
  const aside = h("div", { class: "aside" });
  const saying = composer(service.id, { say, commands: () => commands() });
  root.replaceChildren(h("header", {}, title, h("label", { class: "as" }, "as", people)), places, where, log, status, aside, saying.element);

  const mark = () => `${service.person.id} ${here.id}`;
  const current = () => (thread !== null ? service.messages(here.id, thread) : service.messages(here.id));
  const placeName = () => (here.direct ? here.name : `#${here.name}`);

  const acts = {
    follow,
    press: (message, button) => (button.url ? window.open(button.url, "_blank", "noopener") : service.press(message, button).catch(tell)),
    open: (message) => openThread(message.thread),
    reply: (message) => (service.id === "slack" ? openThread(message.root ?? message.thread) : answer(message)),
    edit: (message) => change(message),
    remove: (message) => service.remove(message).catch(tell),
  };

  function tell(error) {
    announce(error.message);
  }

  async function say(text, { mention, files }) {
    if (editing) {
      const message = editing;
      change(null);
      await service.edit(message, text);
      return;
    }
    if (text.startsWith("/")) {
      await service.slash(text, here.id, commands());
      return;
    }
    const said = await service.say({ text, place: here.id, root: thread, replyTo, mention, files });
    answer(null);
    follow(said);
  }

  function speakAs(id) {
    service.person = service.people.find((person) => person.id === id);
    here = null;
    thread = null;
    draw();
  }

  function go(to, inThread = null) {
    here = to;
    thread = inThread;
    answer(null);
    change(null);
    draw({ jump: true });
  }

  function openThread(root) {
    go(here, root);
    saying.focus();
  }

  function answer(message) {
    replyTo = message?.key ?? null;
    note(message && `Replying to ${message.author.name}`, () => answer(null));
    if (message) saying.focus();
  }

  function change(message) {
    editing = message;
    note(message && `Editing: “${message.text.slice(0, 60)}”. Type the new text.`, () => change(null));
    if (message) saying.focus();
  }

  function note(text, drop) {
    place(aside, text && h("p", {}, text, " ", h("button", { class: "tool", type: "button", onclick: drop }, "Cancel")));
  }

  function unread(of) {
    const newest = seen.get(`${service.person.id} ${of.id}`) ?? 0;
    return service.messages(of.id).filter((message) => message.at > newest && message.author.id !== service.person.id).length;
  }

  function drawPlaces() {
    place(places, service.places().map((each) => {
      const count = each.id === here.id ? 0 : unread(each);
      return h("button", {
        type: "button", class: `place${each.below ? " below" : ""}`, "data-key": each.id, "aria-current": each.id === here.id ? "true" : null,
        onclick: () => go(each),
      }, h("span", { "aria-hidden": "true" }, each.direct ? "●" : each.private ? "◈" : each.below ? "↳" : "#"), each.name,
        count > 0 && h("span", { class: "unread" }, String(count), h("span", { class: "visually-hidden" }, " unread")));
    }));
  }

  function drawWhere() {
    place(where, thread !== null && [
      h("button", { class: "button quiet", type: "button", "data-key": "back", onclick: () => go(here) }, "‹ ", placeName()), h("span", {}, "Thread"),
    ]);
    where.hidden = thread === null;
  }

  // Only what changed is made anew, so that a reader's place and focus stay.
  function drawLog(jump) {
    const atEnd = jump || log.scrollHeight - log.scrollTop - log.clientHeight < 80;
    const shown = current();
    const wanted = shown.map((message) => {
      const signature = JSON.stringify([message, service.person.id]);
      const known = elements.get(message.key);
      if (known?.signature === signature) return known.element;
      const element = messageElement(message, acts, service.person);
      elements.set(message.key, { element, signature });
      return element;
    });
    if (!wanted.length) wanted.push(h("li", { class: "nothing muted" }, here.withBot ? `Say something in ${placeName()}.` : "Parley is not in this channel."));
    const focused = log.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    if (wanted.length !== log.children.length || wanted.some((element, index) => log.children[index] !== element)) log.replaceChildren(...wanted);
    if (focused !== undefined) log.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    if (atEnd) log.scrollTop = log.scrollHeight;
    if (shown.length) seen.set(mark(), Math.max(seen.get(mark()) ?? 0, shown.at(-1).at));
    readOut(shown.at(-1));
  }

  function readOut(message) {
    clearTimeout(quiet);
    if (message?.author.bot && !message.streaming) quiet = setTimeout(() => announce(`${message.author.name}: ${message.text.slice(0, 300)}`, message.key + message.text), QUIET_MS);
  }

  function draw({ jump = false } = {}) {
    const all = service.places();
    here = all.find((each) => each.id === here?.id) ?? all[0];
    place(title, service.name, " ", h("span", { class: "muted" }, service.title));
    if (people.options.length !== service.people.length) {
      place(people, service.people.map((person) => h("option", { value: person.id }, person.admin ? `${person.name} (admin)` : person.name)));
    }
    people.value = service.person.id;
    log.setAttribute("aria-label", `Messages in ${placeName()}`);
    drawWhere();
    drawLog(jump);
    drawPlaces();
    place(status, service.status(here.id, thread));
    saying.show({ where: thread !== null ? "this thread" : placeName(), mentions: !here.direct && thread === null && !here.below });
  }

  return {
    draw,
    get place() { return here; },
    get busy() { return service.places().some((each) => service.all(each.id).some((message) => message.streaming)); },
    goTo: (id, inThread = null) => go(service.places().find((each) => each.id === id) ?? here, inThread),
    say,
  };
}
