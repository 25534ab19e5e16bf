import { themeButton } from "./shared/theme.js";

themeButton(document.getElementById("theme"));
if (matchMedia("(max-width: 900px)").matches) document.querySelector(".contents details").open = false;
