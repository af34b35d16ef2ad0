/* Keyboard shortcuts. They never fire while somebody types, and `?` lists them. */

let pending = "";

export function start(button) {
  const dialog = document.getElementById("keys");
  button.addEventListener("click", () => dialog.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const chord = pending + event.key;
    pending = event.key === "g" ? "g " : "";
    const action = actions[chord] ?? actions[event.key];
    if (action?.(dialog) !== undefined) event.preventDefault();
  });
}

const go = (selector) => {
  const link = document.querySelector(selector);
  if (link) location.assign(link.href);
  return link;
};

const press = (selector) => {
  const button = document.querySelector(selector);
  button?.click();
  return button ?? undefined;
};

const actions = {
  "?": (dialog) => (dialog.showModal(), true),
  "/": () => {
    const search = document.querySelector("[data-shortcut='/']");
    search?.focus();
    search?.select();
    return search ?? undefined;
  },
  "g h": () => go(".brand"),
  "g u": () => go("[data-up]") ?? go(".brand"),
  "g s": () => go(".panel a[href='/settings']") ?? undefined,
  t: () => press("[data-js='theme']"),
  l: () => press("[data-log]"),
  0: () => press("[data-whole]:not([hidden])"),
  x: () => press("[data-x][aria-pressed='true'] + [data-x]") ?? press("[data-x]"),
  j: () => move(1),
  k: () => move(-1),
};

/* From row to row in tables, from chart to chart among charts. */
function move(by) {
  const places = [...document.querySelectorAll("a[data-row], .chart:not([hidden]) .plot")].filter((one) => one.checkVisibility());
  if (!places.length) return undefined;
  const here = places.findIndex((one) => one.contains(document.activeElement));
  const next = here < 0 ? (by > 0 ? 0 : places.length - 1) : Math.min(Math.max(here + by, 0), places.length - 1);
  places[next].focus();
  places[next].scrollIntoView({ block: "nearest" });
  return true;
}
