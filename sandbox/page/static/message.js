// One message as it stands in a conversation.

import { h } from "/shared/dom.js";
import { inline, markdown } from "./markdown.js";

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

function avatar(author) {
  if (author.bot) return h("img", { class: "avatar", src: "/shared/icon.svg", alt: "" });
  const hue = [...author.id].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 6, 0) + 1;
  return h("span", { class: `avatar tint-${hue}`, "aria-hidden": "true" }, author.name[0]);
}

function embed(found) {
  return h("div", { class: "embed" },
    found.title && h("p", { class: "heading" }, found.title),
    found.text && markdown(found.text),
    found.fields.length > 0 && h("dl", {}, found.fields.map((field) => h("div", {}, h("dt", {}, field.name), h("dd", {}, markdown(field.value))))),
    found.footer && h("p", { class: "muted" }, found.footer));
}

function block(found) {
  if (found.kind === "header") return h("p", { class: "heading" }, found.text);
  if (found.kind === "context") return h("div", { class: "muted small" }, markdown(found.text));
  if (found.fields.length) return h("div", { class: "fields" }, found.fields.map((field) => h("div", {}, markdown(field))));
  return found.text && markdown(found.text);
}

function buttons(message, acts) {
  return message.buttons.length > 0 && h("div", { class: "answer-buttons" }, message.buttons.map((button) =>
    h("button", {
      class: `button${button.danger ? " danger" : ""}`, type: "button", disabled: button.disabled,
      "data-key": `${message.key}-${button.id}`, onclick: () => acts.press(message, button),
    }, button.label)));
}

function tools(message, acts, person) {
  const own = message.author.id === person.id;
  const tool = (name, label, act) => h("button", { class: "tool", type: "button", "data-key": `${message.key}-${name}`, onclick: act }, label);
  return !message.onlyFor && h("div", { class: "tools", role: "group", "aria-label": `About the message of ${message.author.name}` },
    !message.author.bot && tool("follow", "Follow", () => acts.follow(message)),
    acts.reply && tool("reply", "Reply", () => acts.reply(message)),
    own && tool("edit", "Edit", () => acts.edit(message)),
    own && tool("remove", "Delete", () => acts.remove(message)));
}

export function messageElement(message, acts, person) {
  const text = message.blocks.length ? h("div", { class: "card-like" }, message.blocks.map(block)) : message.markdown ? markdown(message.text) : h("p", {}, message.text.split("\n").flatMap((line, index) => [index > 0 && h("br"), ...inline(line)]));
  return h("li", { class: `message${message.streaming ? " streaming" : ""}${message.onlyFor ? " only-you" : ""}${message.author.bot ? " by-bot" : ""}`, "aria-busy": message.streaming ? "true" : null },
    message.replyText && h("p", { class: "reply-to" }, message.replyText),
    avatar(message.author),
    h("div", { class: "body" },
      h("p", { class: "by" }, h("b", {}, message.author.name), message.author.bot && h("span", { class: "tag" }, "APP"),
        h("time", { datetime: new Date(message.at).toISOString() }, clock.format(message.at)), message.edited && h("span", { class: "muted" }, "(edited)"),
        message.onlyFor && h("span", { class: "muted" }, "Only visible to you")),
      h("div", { class: "text" }, text, message.streaming && message.text === "" && h("span", { class: "dots", "aria-label": "thinking" }, "•••")),
      message.embeds.map(embed),
      message.pictures.map((picture) => h("img", { class: "picture", src: picture.src, alt: picture.alt, loading: "lazy" })),
      message.files.length > 0 && h("p", { class: "files" }, message.files.map((file) => h("span", { class: "file" }, file))),
      buttons(message, acts),
      message.replies > 0 && h("button", { class: "replies", type: "button", "data-key": `${message.key}-open`, onclick: () => acts.open(message) },
        `${message.replies} ${message.replies === 1 ? "reply" : "replies"}`),
      tools(message, acts, person)));
}
