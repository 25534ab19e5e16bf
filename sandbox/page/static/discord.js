// The simulated Discord, as the page needs it: people, places, messages; and what people do there.

import { follow, get, send } from "./wire.js";

const CONTROL = "/via/discord/_control";
const order = (name, given) => send("POST", `${CONTROL}/${name}`, given);
const DIRECT = 1, THREADS = [10, 11, 12], TYPING_MS = 8000, EPHEMERAL = 64, DANGER = 4, LINK = 5, BUTTON = 2;

export class Discord {
  id = "discord";
  name = "Discord";
  title = "Discord";
  people = [];
  person = null;
  #world = null;
  #messages = new Map();
  #typing = new Map();
  #changed = () => {};

  async start(changed) {
    this.#changed = changed;
    await this.#look();
    await follow(async (after, waitS) => {
      const changes = await get(`${CONTROL}/changes?after=${after}&wait_s=${waitS}`);
      return { last: changes.at(-1)?.number ?? after, changes };
    }, (changes) => this.#heard(changes));
  }

  async #look() {
    this.#world = await get(`${CONTROL}/world`);
    this.title = this.#world.guild_name;
    this.people = this.#world.people.filter((person) => !person.is_bot)
      .map((person) => ({ id: person.id, handle: person.name, name: person.display_name, admin: person.is_admin }))
      .sort((one, other) => one.name.localeCompare(other.name));
    this.person ??= this.people[0];
  }

  async #heard(changes) {
    let worldChanged = false;
    for (const { kind, data } of changes) {
      if (data.now) this.#messages.set(data.id, this.#message(data));
      if (kind === "message_deleted") this.#messages.delete(data.id);
      else if (kind === "typing") this.#typing.set(data.channel_id, { by: data.user_id, until: Date.now() + TYPING_MS });
      else if (/channel|thread|guild/.test(kind)) worldChanged = true;
      if (data.now) this.#typing.delete(data.channel_id);
    }
    if (worldChanged || changes.some(({ data }) => data.channel_id && !this.#channel(data.channel_id))) await this.#look();
    this.#changed();
  }

  #channel(id) {
    return this.#world.channels.find((channel) => channel.id === id);
  }

  #name(id) {
    return this.#world.people.find((person) => person.id === id)?.display_name ?? id;
  }

  #shown(text) {
    return text
      .replace(/<@!?(\d+)>/g, (_, id) => `@${this.#name(id)}`)
      .replace(/<#(\d+)>/g, (_, id) => `#${this.#channel(id)?.name ?? id}`);
  }

  #houseKey(channelId, id) {
    const channel = this.#channel(channelId);
    if (channel?.type === DIRECT) return `discord:dm:${channelId}:${id}`;
    const place = THREADS.includes(channel?.type) ? channel.parent_id : channelId;
    return `discord:${this.#world.guild_id}:${place}:${id}`;
  }

  #message(data) {
    const files = data.now.files.map((file) => ({ ...file, src: `/via/discord-files${new URL(file.url).pathname}` }));
    const isPicture = (file) => file.content_type.startsWith("image/");
    const rows = data.now.components.flatMap((row) => row.components ?? []);
    return {
      key: data.id,
      houseKey: this.#houseKey(data.channel_id, data.id),
      place: data.channel_id,
      root: null,
      thread: data.thread_id,
      at: Date.parse(data.sent_at),
      author: { id: data.author_id, name: data.author, bot: data.author_id === this.#world.bot_id },
      text: data.loading ? "" : this.#shown(data.now.content),
      markdown: data.author_id === this.#world.bot_id,
      edited: data.edited_at !== null && data.author_id !== this.#world.bot_id,
      streaming: data.loading || rows.some((part) => part.label === "Stop"),
      onlyFor: data.seen_by ?? (data.now.flags & EPHEMERAL ? data.author_id : null),
      replyTo: data.reply_to_id,
      buttons: rows.filter((part) => part.type === BUTTON).map((part) => ({
        id: part.custom_id, press: part.custom_id, label: part.label ?? part.emoji?.name ?? "", danger: part.style === DANGER,
        url: part.style === LINK ? part.url : "", disabled: part.disabled,
      })),
      files: files.filter((file) => !isPicture(file)).map((file) => file.filename),
      pictures: files.filter(isPicture).map((file) => ({ src: file.src, alt: file.description ?? file.filename })),
      blocks: [],
      embeds: data.now.embeds.map((embed) => ({
        title: embed.title, text: this.#shown(embed.description ?? ""), footer: embed.footer?.text,
        fields: (embed.fields ?? []).map((field) => ({ name: field.name, value: this.#shown(field.value) })),
      })),
    };
  }

  places() {
    const visible = this.#world.channels.filter((channel) => !channel.archived &&
      (channel.type === DIRECT ? channel.recipient_ids.includes(this.person.id) : channel.guild_id));
    const top = visible.filter((channel) => !THREADS.includes(channel.type));
    return top.flatMap((channel) => [
      { id: channel.id, name: channel.type === DIRECT ? "Parley" : channel.name, direct: channel.type === DIRECT, withBot: true },
      ...visible.filter((thread) => thread.parent_id === channel.id && THREADS.includes(thread.type))
        .map((thread) => ({ id: thread.id, name: thread.name, below: true, direct: false, withBot: true })),
    ]);
  }

  all(place) {
    return [...this.#messages.values()].filter((message) => message.place === place);
  }

  messages(place) {
    const here = [...this.#messages.values()].filter((message) => message.place === place && (!message.onlyFor || message.onlyFor === this.person.id));
    here.sort((one, other) => one.at - other.at || (BigInt(one.key) < BigInt(other.key) ? -1 : 1));
    return here.map((message) => {
      const to = message.replyTo && this.#messages.get(message.replyTo);
      return { ...message, replies: 0, replyText: to ? `${to.author.name}: ${to.text.slice(0, 80)}` : null };
    });
  }

  status(place) {
    const typing = this.#typing.get(place);
    return typing && typing.until > Date.now() && typing.by !== this.person.id ? `${this.#name(typing.by)} is typing…` : "";
  }

  #where(place) {
    const direct = this.#channel(place)?.type === DIRECT;
    return direct ? { direct: true } : { channel: place };
  }

  async say({ text, place, replyTo = null, mention = false, files = [] }) {
    const sent = files.map((file) => ({ name: file.name, content: file.content, content_type: file.media_type }));
    const said = await order("say", { text, by: this.person.id, ...this.#where(place), reply_to: replyTo, mention, files: sent });
    return { houseKey: this.#houseKey(said.channel_id, said.id), text };
  }

  edit(message, text) {
    return order("edit", { message: message.key, text });
  }

  remove(message) {
    return order("delete", { message: message.key });
  }

  press(message, button) {
    return order("press", { message: message.key, button: button.press, by: this.person.id });
  }

  // What follows the name is handed to the parameters in their order; the last one takes the rest.
  async slash(line, place, commands) {
    const [name, ...words] = line.slice(1).split(" ");
    const parameters = commands.find((command) => command.name === name)?.parameters ?? [];
    const options = {};
    parameters.forEach((parameter, index) => {
      const rest = index === parameters.length - 1 ? words.slice(index).join(" ") : words[index];
      if (rest) options[parameter.name] = parameter.kind === "integer" || parameter.kind === "number" ? Number(rest) : rest;
    });
    await order("slash", { name, options, by: this.person.id, ...this.#where(place) });
  }
}
