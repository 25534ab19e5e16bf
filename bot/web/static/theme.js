// Light or dark: as the system says, until somebody presses the button.

const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

function show(button) {
  const dark = root.dataset.theme === "dark";
  button.textContent = dark ? "☀\ufe0e" : "☾\ufe0e";
  button.setAttribute("aria-label", dark ? "Use light colours" : "Use dark colours");
  button.title = button.getAttribute("aria-label");
}

export function themeButton(button) {
  button.addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem("parley-theme", root.dataset.theme);
    show(button);
  });
  system.addEventListener("change", () => {
    if (localStorage.getItem("parley-theme") === null) {
      root.dataset.theme = system.matches ? "dark" : "light";
      show(button);
    }
  });
  show(button);
}
