// The simulated Slack, as the page needs it: people, places, messages; and what people do there.

import { follow, get, send } from "./wire.js";

const CONTROL = "/via/slack/_control";
const verb = async (name, given) => (await send("POST", `${CONTROL}/${name}`, given)).result;

const STATUS_MS = 120_000; // Slack takes a status away by itself after two minutes
const LAID_OUT = ["header", "section", "context", "image"];

// Slack's own markup, as Markdown.
export function fromMrkdwn(text) {
  return text
    .replace(/<([^|>]+)\|([^>]+)>/g, "[$2]($1)")
    .replace(/<(https?:[^>]+)>/g, "$1")
    .replace(/(^|[\s(])\*([^*\n]+)\*/g, "$1**$2**")
    .replace(/(^|[\s(])~([^~\n]+)~/g, "$1~~$2~~")
    .replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
}

const written = (text) => (text?.type === "mrkdwn" ? fromMrkdwn(text.text) : (text?.text ?? ""));

// The blocks of a card; none for a message that is text alone.
function layout(blocks) {
  if (!blocks.some((block) => block.type === "header")) return [];
  return blocks.filter((block) => LAID_OUT.includes(block.type)).map((block) => ({
    kind: block.type,
    text: block.type === "context" ? (block.elements ?? []).map(written).join(" ") : written(block.text),
    fields: (block.fields ?? []).map(written),
  }));
}

export class Slack {
  id = "slack";
  name = "Slack";
  title = "Slack";
  slashHint = "/parley";
  people = [];
  person = null;
  #world = null;
  #messages = new Map();
  #statuses = new Map();
  #changed = () => {};

  async start(changed) {
    this.#changed = changed;
    await this.#look();
    await follow(async (after, waitS) => (await get(`${CONTROL}/changes?after=${after}&timeout_s=${waitS}`)).result, (changes) => this.#heard(changes));
  }

  async #look() {
    this.#world = (await get(`${CONTROL}/world`)).result;
    this.title = this.#world.workspaces[0].name;
    this.people = this.#world.users.filter((user) => !user.is_bot)
      .map((user) => ({ id: user.id, handle: user.name, name: user.display_name || user.real_name, admin: user.is_admin }));
    this.person ??= this.people[0];
  }

  async #heard(changes) {
    const touched = new Map();
    for (const { kind, data } of changes) {
      if (kind === "world") await this.#look();
      else if (kind === "reset") this.#messages.clear();
      else if (kind === "status") this.#statuses.set(`${data.channel}/${data.thread_ts}`, { text: data.text, until: Date.now() + STATUS_MS });
      else if (data.ts) touched.set(`${data.channel}/${data.ts}`, data);
    }
    await Promise.all([...touched.keys()].map((key) => this.#fetch(key)));
    this.#changed();
  }

  async #fetch(key) {
    const shown = await verb("shown", { message: key });
    if (shown === null) this.#messages.delete(key);
    else this.#messages.set(key, this.#message(shown));
  }

  #message(shown) {
    const team = this.#world.workspaces[0].id;
    return {
      key: `${shown.channel_id}/${shown.ts}`,
      houseKey: `slack:${team}:${shown.channel_id}:${shown.ts}`,
      place: shown.channel_id,
      root: shown.thread_ts && shown.thread_ts !== shown.ts ? shown.thread_ts : null,
      thread: shown.ts,
      at: Number(shown.ts) * 1000,
      author: { id: shown.author_id, name: shown.author, bot: shown.by_app },
      text: shown.text,
      markdown: shown.by_app,
      edited: shown.edited,
      streaming: shown.streaming,
      onlyFor: shown.ephemeral_for,
      buttons: shown.buttons.map((button) => ({ id: button.value || button.action_id, press: button.label, label: button.label, danger: button.style === "danger", url: button.url })),
      files: shown.files,
      pictures: (shown.pictures ?? []).map((picture) => ({ src: `/via/slack-files/${picture.path}`, alt: picture.alt })),
      embeds: [],
      blocks: layout(shown.blocks ?? []),
    };
  }

  places() {
    const bot = this.#world.users.find((user) => user.is_bot);
    return this.#world.channels
      .filter((channel) => channel.members.includes(this.person.id) && !channel.archived)
      .map((channel) => channel.kind === "im"
        ? { id: channel.id, name: bot?.real_name ?? "Parley", direct: true, withBot: true }
        : { id: channel.id, name: channel.name, private: channel.kind === "group", direct: false, withBot: channel.members.includes(bot?.id) });
  }

  all(place) {
    return [...this.#messages.values()].filter((message) => message.place === place);
  }

  messages(place, root = null) {
    const here = [...this.#messages.values()].filter((message) => message.place === place && (!message.onlyFor || message.onlyFor === this.person.id));
    here.sort((one, other) => one.at - other.at);
    if (root !== null) return here.filter((message) => message.thread === root || message.root === root);
    const replies = new Map();
    for (const message of here) if (message.root) replies.set(message.root, (replies.get(message.root) ?? 0) + 1);
    return here.filter((message) => !message.root).map((message) => ({ ...message, replies: replies.get(message.thread) ?? 0 }));
  }

  status(place, root = null) {
    const shown = [...this.#statuses].filter(([key, status]) => status.text && status.until > Date.now() &&
      (root === null ? key.startsWith(`${place}/`) : key === `${place}/${root}`));
    return shown[0]?.[1].text ?? "";
  }

  houseKeyOf(said) {
    return `slack:${said.team_id}:${said.channel_id}:${said.ts}`;
  }

  async say({ text, place, root = null, mention = false, files = [] }) {
    const said = await verb("say", { text, by: this.person.id, channel: place, thread_ts: root, mention, files });
    return { houseKey: this.houseKeyOf(said), thread: said.ts, text };
  }

  edit(message, text) {
    return verb("edit", { message: message.key, text });
  }

  remove(message) {
    return verb("delete", { message: message.key });
  }

  press(message, button) {
    return verb("press", { message: message.key, button: button.press, by: this.person.id });
  }

  // Slack knows the one command that the app's manifest declares; the rest is said behind it.
  async slash(line, place) {
    const [command, ...rest] = line.split(" ");
    const inner = command === "/parley" ? rest.join(" ") : `${command.slice(1)} ${rest.join(" ")}`.trim();
    await verb("slash", { command: "/parley", text: inner, by: this.person.id, channel: place });
  }
}
