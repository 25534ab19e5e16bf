// Where somebody types: Enter says it, "/" completes commands, a file can go along.

import { h, place } from "/shared/dom.js";

const MAX_SHOWN = 8;

async function base64(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return { name: file.name, media_type: file.type || "application/octet-stream", content: btoa(text) };
}

export function composer(id, { say, commands }) {
  const listId = `${id}-commands`;
  const field = h("textarea", {
    class: "field", id: `${id}-say`, rows: "1", "aria-label": "Message", role: "combobox", "aria-expanded": "false",
    "aria-autocomplete": "list", "aria-controls": listId, autocomplete: "off",
  });
  const list = h("ul", { class: "completions", id: listId, role: "listbox", "aria-label": "Commands", hidden: true });
  const mention = h("input", { type: "checkbox", checked: true });
  const mentionLabel = h("label", { class: "mention-it" }, mention, "@Parley");
  const picked = h("input", { type: "file", class: "visually-hidden", id: `${id}-file`, onchange: () => showFile() });
  const fileLabel = h("label", { class: "button quiet attach", for: `${id}-file`, title: "Attach a file" }, h("span", { "aria-hidden": "true" }, "+"), h("span", { class: "visually-hidden" }, "Attach a file"));
  const trouble = h("p", { class: "trouble", role: "alert" });
  let chosen = 0, offered = [];

  function showFile() {
    fileLabel.classList.toggle("has-file", picked.files.length > 0);
    fileLabel.title = picked.files[0]?.name ?? "Attach a file";
  }

  function grow() {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight + 2, 160)}px`;
  }

  function offer() {
    const typed = /^\/([\w-]*)$/.exec(field.value);
    offered = typed ? commands().filter((command) => command.name.startsWith(typed[1])).slice(0, MAX_SHOWN) : [];
    chosen = Math.min(chosen, Math.max(0, offered.length - 1));
    list.hidden = offered.length === 0;
    field.setAttribute("aria-expanded", String(offered.length > 0));
    field.setAttribute("aria-activedescendant", offered.length ? `${listId}-${chosen}` : "");
    place(list, offered.map((command, index) => h("li", {
      id: `${listId}-${index}`, role: "option", "aria-selected": String(index === chosen),
      onmousedown: (event) => { event.preventDefault(); take(index); },
    }, h("b", {}, command.usage), h("span", { class: "muted" }, command.summary))));
  }

  function take(index) {
    field.value = `/${offered[index].name} `;
    chosen = 0;
    offer();
    field.focus();
  }

  async function send() {
    const text = field.value.trim();
    if (!text && !picked.files.length) return;
    place(trouble);
    const files = await Promise.all([...picked.files].map(base64));
    const before = field.value;
    field.value = "";
    picked.value = "";
    showFile();
    offer();
    grow();
    try {
      await say(text, { mention: mention.checked && !mentionLabel.hidden, files });
    } catch (error) {
      field.value = before;
      place(trouble, error.message);
    }
  }

  field.addEventListener("input", () => { offer(); grow(); });
  field.addEventListener("blur", () => { list.hidden = true; field.setAttribute("aria-expanded", "false"); });
  field.addEventListener("keydown", (event) => {
    if (offered.length && !list.hidden) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        chosen = (chosen + (event.key === "ArrowDown" ? 1 : offered.length - 1)) % offered.length;
        event.preventDefault();
        offer();
        return;
      }
      if (event.key === "Escape") { list.hidden = true; offered = []; return; }
      if (event.key === "Tab" || (event.key === "Enter" && field.value !== `/${offered[chosen].name}`)) {
        event.preventDefault();
        take(chosen);
        return;
      }
    }
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  });

  const form = h("form", { class: "composer", onsubmit: (event) => { event.preventDefault(); send(); } },
    list, trouble, h("div", { class: "composer-row" }, mentionLabel, field, picked, fileLabel, h("button", { class: "button primary" }, "Send")));
  return {
    element: form,
    focus: () => field.focus(),
    // Where the bot is spoken to anyway, nobody need mention it.
    show({ where, mentions }) {
      field.placeholder = `Message ${where}`;
      field.setAttribute("aria-label", `Message ${where}`);
      mentionLabel.hidden = !mentions;
    },
  };
}
