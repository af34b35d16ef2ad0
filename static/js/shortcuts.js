/* Keyboard shortcuts. They never fire while somebody types, and `?` lists them. */

/** An action returns whether it did something.
 * @typedef {(dialog: HTMLDialogElement) => boolean} Action */

/** @type {Record<string, Action>} */
const ACTIONS = {
  "?": (dialog) => {
    dialog.showModal();
    return true;
  },
  "/": () => {
    const search = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-shortcut='/']"));
    search?.focus();
    search?.select();
    return search !== null;
  },
  "g h": () => follow(".brand"),
  "g u": () => follow("[data-up]") || follow(".brand"),
  "g s": () => follow(".panel a[href='/settings']"),
  t: () => press("[data-js='theme']"),
  l: () => press("[data-log]"),
  0: () => press("[data-whole]:not([hidden])"),
  x: () => press("[data-x][aria-pressed='true'] + [data-x]") || press("[data-x]"),
  j: () => moveFocus(1),
  k: () => moveFocus(-1),
};

/** @param {HTMLButtonElement} button */
export function start(button) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("keys"));
  let prefix = "";
  button.addEventListener("click", () => dialog.showModal());
  document.addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    if (target.closest("input, textarea, select, [contenteditable]")) {
      if (event.key === "Escape") target.blur();
      return;
    }
    const action = ACTIONS[prefix + event.key] ?? ACTIONS[event.key];
    prefix = event.key === "g" ? "g " : "";
    if (action?.(dialog)) event.preventDefault();
  });
}

/** @param {string} selector */
function follow(selector) {
  const link = /** @type {HTMLAnchorElement | null} */ (document.querySelector(selector));
  if (link) location.assign(link.href);
  return link !== null;
}

/** @param {string} selector */
function press(selector) {
  const button = /** @type {HTMLButtonElement | null} */ (document.querySelector(selector));
  button?.click();
  return button !== null;
}

/**
 * From row to row in tables, from chart to chart among charts.
 * @param {1 | -1} by
 */
function moveFocus(by) {
  const all = /** @type {NodeListOf<HTMLElement>} */ (
    document.querySelectorAll("a[data-row], .chart:not([hidden]) .plot")
  );
  const visible = [...all].filter((element) => element.checkVisibility());
  if (!visible.length) return false;
  const current = visible.findIndex((element) => element.contains(document.activeElement));
  const first = by > 0 ? 0 : visible.length - 1;
  const next = current < 0 ? first : Math.min(Math.max(current + by, 0), visible.length - 1);
  visible[next].focus();
  visible[next].scrollIntoView({ block: "nearest" });
  return true;
}
