// Markdown as chats show it, made into elements. Nothing in it is ever parsed as HTML.

import { h } from "/shared/dom.js";

const INLINE = /(`+)(.+?)\1|\*\*(.+?)\*\*|__(.+?)__|~~(.+?)~~|\*([^*\s](?:[^*]*[^*\s])?)\*|_([^_\s](?:[^_]*[^_\s])?)_|\[([^\]]+)\]\((https?:[^)\s]+)\)|(https?:\/\/[^\s<>)]+)|(@[\p{L}\d_]+)/gsu;

function link(address, ...content) {
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, content);
}

export function inline(text) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(INLINE)) {
    const before = text[found.index - 1] ?? " ";
    const inWord = (found[7] || found[4] || found[11]) && /[\p{L}\d]/u.test(before);
    if (inWord) continue;
    parts.push(text.slice(end, found.index));
    end = found.index + found[0].length;
    if (found[2] !== undefined) parts.push(h("code", {}, found[2]));
    else if (found[3] ?? found[4]) parts.push(h("strong", {}, inline(found[3] ?? found[4])));
    else if (found[5]) parts.push(h("s", {}, inline(found[5])));
    else if (found[6] ?? found[7]) parts.push(h("em", {}, inline(found[6] ?? found[7])));
    else if (found[8]) parts.push(link(found[9], inline(found[8])));
    else if (found[10]) parts.push(link(found[10], found[10]));
    else parts.push(h("span", { class: "mention" }, found[11]));
  }
  parts.push(text.slice(end));
  return parts;
}

const lines = (of) => of.flatMap((line, index) => [index > 0 && h("br"), ...inline(line)]);
const cells = (row) => row.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());

function tableOf(rows) {
  const [head, , ...body] = rows.map(cells);
  return h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, head.map((cell) => h("th", { scope: "col" }, inline(cell))))),
    h("tbody", {}, body.map((row) => h("tr", {}, row.map((cell) => h("td", {}, inline(cell))))))));
}

function listOf(items, ordered, start) {
  return h(ordered ? "ol" : "ul", ordered && start > 1 ? { start } : {}, items.map((item) => h("li", {}, markdown(item.join("\n")))));
}

const ITEM = /^(\s*)(?:[-*+•]|(\d+)[.)])\s+(.*)$/;

// Takes the items of a list, with what is indented below each of them.
function takeList(rest) {
  const first = ITEM.exec(rest[0]);
  const items = [];
  while (rest.length) {
    const found = ITEM.exec(rest[0]);
    if (found && found[1].length <= first[1].length && Boolean(found[2]) === Boolean(first[2])) items.push([found[3]]), rest.shift();
    else if (/^\s{2,}\S/.test(rest[0]) && items.length) items.at(-1).push(rest.shift().replace(/^\s{2,4}/, ""));
    else if (rest[0].trim() === "" && ITEM.test(rest[1] ?? "")) rest.shift();
    else break;
  }
  return listOf(items, Boolean(first[2]), Number(first[2] ?? 1));
}

function takeCode(rest) {
  const [, fence, language] = /^\s*(`{3,}|~{3,})(.*)$/.exec(rest.shift());
  const code = [];
  while (rest.length && !rest[0].trim().startsWith(fence)) code.push(rest.shift());
  rest.shift();
  return h("pre", { tabindex: "0", "aria-label": language.trim() ? `Code in ${language.trim()}` : "Code" }, h("code", {}, code.join("\n")));
}

function takeWhile(rest, belongs) {
  const taken = [];
  while (rest.length && belongs(rest[0])) taken.push(rest.shift());
  return taken;
}

const isPlain = (line) => line.trim() !== "" && !/^\s*(`{3,}|~{3,}|#{1,6}\s|>|([-*+•]|\d+[.)])\s)/.test(line);

export function markdown(text) {
  const rest = text.split("\n"), parts = [];
  while (rest.length) {
    const line = rest[0];
    if (line.trim() === "") rest.shift();
    else if (/^\s*(`{3,}|~{3,})/.test(line)) parts.push(takeCode(rest));
    else if (/^#{1,6}\s/.test(line)) parts.push(h("p", { class: "heading", role: "heading", "aria-level": "4" }, inline(rest.shift().replace(/^#+\s+/, ""))));
    else if (/^\s*(-{3,}|\*{3,})\s*$/.test(line)) rest.shift(), parts.push(h("hr"));
    else if (line.startsWith(">")) parts.push(h("blockquote", {}, markdown(takeWhile(rest, (each) => each.startsWith(">")).map((each) => each.replace(/^>\s?/, "")).join("\n"))));
    else if (ITEM.test(line)) parts.push(takeList(rest));
    else if (line.includes("|") && /^[\s|:-]+-[\s|:-]*$/.test(rest[1] ?? "")) parts.push(tableOf(takeWhile(rest, (each) => each.includes("|"))));
    else parts.push(h("p", {}, lines([rest.shift(), ...takeWhile(rest, isPlain)])));
  }
  return parts;
}
