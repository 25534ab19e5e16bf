// Runs before the first paint, so that a dark page does not flash white.
"use strict";
document.documentElement.dataset.theme =
  localStorage.getItem("parley-theme") ??
  (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
