// A guided tour of five steps.

import { h, place } from "/shared/dom.js";

export function tour(root, opener, steps) {
  let at = 0;

  function open(wanted) {
    root.hidden = !wanted;
    opener.setAttribute("aria-expanded", String(wanted));
    if (wanted) draw();
    else localStorage.setItem("parley-tour", "seen");
  }

  function go(to) {
    at = to;
    draw();
    root.querySelector("h2").focus();
  }

  function draw() {
    const step = steps[at];
    const act = h("button", {
      class: "button primary", type: "button", onclick: async () => {
        act.disabled = true;
        step.show?.();
        await step.act().catch(() => {});
        act.disabled = false;
      },
    }, step.button);
    place(root,
      h("p", { class: "muted" }, `Step ${at + 1} of ${steps.length}`), h("h2", { tabindex: "-1" }, step.title), h("p", {}, step.text),
      h("div", { class: "tour-buttons" }, act,
        at > 0 && h("button", { class: "button", type: "button", onclick: () => go(at - 1) }, "Back"),
        at < steps.length - 1 && h("button", { class: "button", type: "button", onclick: () => go(at + 1) }, "Next"),
        h("button", { class: "button quiet", type: "button", onclick: () => { open(false); opener.focus(); } }, at < steps.length - 1 ? "Not now" : "Done")));
  }

  opener.addEventListener("click", () => open(root.hidden));
  root.addEventListener("keydown", (event) => { if (event.key === "Escape") { open(false); opener.focus(); } });
  if (localStorage.getItem("parley-tour") === null) open(true);
}
