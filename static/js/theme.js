/* Theme: as the system, light or dark. Kept in a cookie, so that the server draws the page right from the start. */

import { readCookie, writeCookie } from "./cookies.js";

const THEMES = ["system", "light", "dark"];
const root = document.documentElement;

/** @param {HTMLButtonElement} button */
export function start(button) {
  button.addEventListener("click", () => {
    const current = THEMES.indexOf(readCookie("theme") || "system");
    const next = THEMES[(current + 1) % THEMES.length];
    writeCookie("theme", next);
    if (next === "system") root.removeAttribute("data-theme");
    else root.dataset.theme = next;
    // The template's words stay; only the theme's name in them changes.
    for (const name of ["title", "aria-label"]) {
      const text = button.getAttribute(name) ?? "";
      button.setAttribute(name, text.replace(/(: )\w+/, `$1${next}`));
    }
    announce();
  });
}

function announce() {
  document.dispatchEvent(new CustomEvent("theme:change"));
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", announce);
