/* Theme: as the system, light or dark. Kept in a cookie, so that the server draws the page right from the start. */

import { cookie, keepCookie } from "./cookies.js";

const THEMES = ["system", "light", "dark"];
const root = document.documentElement;

export function start(button) {
  button.addEventListener("click", () => {
    const now = THEMES.indexOf(cookie("theme") || "system");
    const next = THEMES[(now + 1) % THEMES.length];
    keepCookie("theme", next);
    if (next === "system") root.removeAttribute("data-theme");
    else root.dataset.theme = next;
    button.title = `theme: ${next} (t)`;
    button.setAttribute("aria-label", `theme: ${next}`);
    announce();
  });
}

function announce() {
  document.dispatchEvent(new CustomEvent("theme:change"));
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", announce);
