/* Keyboard shortcuts. A module registers its own; `?` lists those of the page. They never fire while somebody types.

   register("e", "Hide or show the run", () => toggleEye(), { group: "Runs", when: "#runs" });
   register("g p", "Go to the projects", …);   one key after the other
   register("mod+k", "Search everything", …);  with Ctrl, or with ⌘ on a Mac; this fires while somebody types, too
   register("ArrowLeft", "Move along the focused chart");  only listed: the element itself listens */

/** An action returns false if there was nothing to do: then the key is somebody else's.
 * @typedef {(event: KeyboardEvent) => unknown} Action */
/** @typedef {object} Shortcut
 * @property {string} keys
 * @property {string} label
 * @property {Action | undefined} action
 * @property {string} group the heading in the list
 * @property {string} when a selector: there is this shortcut only on a page that has such an element */

const FIRST_GROUP = "Everywhere";
const PATIENCE = 1500; // Milliseconds between the two keys of `g p`.

/** @type {Shortcut[]} */
const shortcuts = [];

/**
 * Add a shortcut, in the place of an earlier one of the same keys and label. The returned function takes it away.
 * @param {string} keys
 * @param {string} label
 * @param {Action} [action]
 * @param {{group?: string, when?: string}} [options]
 */
export function register(keys, label, action, { group = FIRST_GROUP, when = "" } = {}) {
  const shortcut = { keys, label, action, group, when };
  const unregister = () => {
    const index = shortcuts.findIndex((one) => one.keys === keys && one.label === label);
    if (index >= 0) shortcuts.splice(index, 1);
  };
  unregister();
  shortcuts.push(shortcut);
  return unregister;
}

/**
 * The shortcuts of the page by group, those of everywhere last.
 * @param {(selector: string) => boolean} has whether the page has such an element
 * @returns {[string, Shortcut[]][]}
 */
export function listed(has) {
  /** @type {Map<string, Shortcut[]>} */
  const groups = new Map();
  for (const shortcut of shortcuts) {
    if (shortcut.when && !has(shortcut.when)) continue;
    groups.set(shortcut.group, [...(groups.get(shortcut.group) ?? []), shortcut]);
  }
  return [...groups].sort(([a], [b]) => Number(a === FIRST_GROUP) - Number(b === FIRST_GROUP));
}

/**
 * How a key press is written in a shortcut: `x`, `?`, `mod+k`, `shift+ArrowUp`.
 * @param {Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey">} event
 */
export function nameOf({ key, ctrlKey, metaKey, shiftKey }) {
  const mod = ctrlKey || metaKey ? "mod+" : "";
  // What a letter or a sign becomes with shift is in the key itself.
  const shift = shiftKey && (key.length > 1 || mod) ? "shift+" : "";
  return mod + shift + (mod ? key.toLowerCase() : key);
}

/**
 * What follows from a key press after the keys before it: the shortcuts that it completes, the latest registered first,
 * and what is waited for next.
 * @param {string} before the first key of two, or ""
 * @param {string} name
 */
export function completed(before, name) {
  const pair = before ? shortcuts.filter(({ keys }) => keys === `${before} ${name}`) : [];
  const matching = pair.length ? pair : shortcuts.filter(({ keys }) => keys === name);
  const waits = !pair.length && shortcuts.some(({ keys }) => keys.startsWith(`${name} `));
  return { matching: [...matching].reverse(), waitsFor: waits ? name : "" };
}

/** Open the list. */
export function showShortcuts() {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("keys"));
  const list = /** @type {HTMLElement} */ (dialog.querySelector("[data-keys]"));
  list.replaceChildren(...listed(isOnPage).flatMap(([group, all]) => [heading(group), table(all)]));
  dialog.showModal();
}

/** @param {HTMLButtonElement} button */
export function start(button) {
  button.addEventListener("click", showShortcuts);
}

let waitsFor = "";
/** @type {ReturnType<typeof setTimeout> | undefined} */
let patience;

/** @param {KeyboardEvent} event */
function pressed(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  const name = nameOf(event);
  if (event.defaultPrevented || event.altKey || document.querySelector("dialog:modal")) return;
  if (
    !name.startsWith("mod+") &&
    target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]")
  ) {
    if (event.key === "Escape") target.blur();
    return;
  }
  const { matching, waitsFor: next } = completed(waitsFor, name);
  if (event.key !== "Shift") waitsFor = next;
  clearTimeout(patience);
  if (next)
    patience = setTimeout(() => {
      waitsFor = "";
    }, PATIENCE);
  for (const { action, when } of matching) {
    if (!action || (when && !isOnPage(when)) || action(event) === false) continue;
    event.preventDefault();
    return;
  }
}

/** @param {string} selector */
function isOnPage(selector) {
  return document.querySelector(selector) !== null;
}

/** @param {string} text */
function heading(text) {
  const element = document.createElement("h3");
  element.textContent = text;
  return element;
}

/** @param {Shortcut[]} all */
function table(all) {
  const list = document.createElement("dl");
  list.className = "keys";
  // Keys that do the same, as + and −, are in one line.
  for (const label of new Set(all.map((shortcut) => shortcut.label))) {
    const same = all.filter((shortcut) => shortcut.label === label);
    const [term, meaning] = [document.createElement("dt"), document.createElement("dd")];
    for (const keys of same.flatMap((shortcut) => shortcut.keys.split(" "))) {
      const key = document.createElement("kbd");
      key.textContent = shown(keys, /Mac|iPhone|iPad/.test(navigator.platform));
      term.append(key);
    }
    meaning.textContent = label;
    list.append(term, meaning);
  }
  return list;
}

/** @type {Record<string, string>} */
const SIGNS = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", "-": "−", Escape: "Esc" };

/**
 * A key as it is written for people: `mod+k` is `Ctrl K`, on a Mac `⌘K`.
 * @param {string} keys
 * @param {boolean} isMac
 */
export function shown(keys, isMac) {
  const parts = keys === "+" ? ["+"] : keys.split("+");
  const last = parts.pop() ?? "";
  const mods = parts.map((part) => (part === "mod" ? (isMac ? "⌘" : "Ctrl") : isMac ? "⇧" : "Shift"));
  const key = SIGNS[last] ?? (mods.length ? last.toUpperCase() : last);
  return [...mods, key].join(isMac ? "" : " ");
}

if (typeof document !== "undefined") document.addEventListener("keydown", pressed);
