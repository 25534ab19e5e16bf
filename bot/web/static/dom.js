// Elements in one expression. Text is always text: nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "vars") {
      for (const [variable, to] of Object.entries(value)) element.style.setProperty(variable, to);
    } else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

// Put children into a place; whoever had the focus, found again by its `data-key`, keeps it.
export function place(where, ...children) {
  const focused = where.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  where.replaceChildren(...children.flat(Infinity).filter(Boolean));
  if (focused !== undefined) where.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}
