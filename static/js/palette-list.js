/* What is in the palette: projects and runs that one may see, pages, and what can be done on this one.

   A combobox in a dialog: the focus stays in its field, the arrows move the choice in the list. */

import { listed, shown } from "./shortcuts.js";
import { toast } from "./toast.js";

/** Something to choose: it leads to `url`, or does `action`.
 * @typedef {{name: string, about?: string, keys?: string, state?: string, url?: string, action?: () => void}} Choice */
/** @typedef {{title: string, choices: Choice[]}} Group */

const PAUSE = 120; // Milliseconds without a key before the server is asked.

const isMac = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.platform);

/**
 * The choices that have all words of the text, those that begin with it first.
 * @param {Choice[]} choices
 * @param {string} text
 */
export function matching(choices, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = choices.filter(({ name, about = "" }) => {
    const whole = `${name} ${about}`.toLowerCase();
    return words.every((word) => whole.includes(word));
  });
  const begins = (/** @type {Choice} */ { name }) => words.length > 0 && name.toLowerCase().startsWith(words[0]);
  return [...found.filter(begins), ...found.filter((choice) => !begins(choice))];
}

/**
 * Which choice is next, around the ends.
 * @param {number} current
 * @param {string} key
 * @param {number} count
 */
export function moved(current, key, count) {
  if (!count) return -1;
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  return (current + (key === "ArrowUp" ? -1 : 1) + count) % count;
}

class Palette {
  /** @param {HTMLDialogElement} dialog */
  constructor(dialog) {
    this.dialog = dialog;
    this.field = /** @type {HTMLInputElement} */ (dialog.querySelector("input"));
    this.list = /** @type {HTMLElement} */ (dialog.querySelector("[role=listbox]"));
    this.status = /** @type {HTMLElement} */ (dialog.querySelector("[role=status]"));
    /** @type {Group[]} what the server found */
    this.found = [];
    /** @type {Choice[]} in the order of the list */
    this.choices = [];
    this.current = 0;
    /** @type {AbortController | null} */
    this.request = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.pause = undefined;
    this.field.addEventListener("input", () => this.typed());
    this.field.addEventListener("keydown", (event) => this.pressed(event));
    this.list.addEventListener("click", ({ target }) => this.clicked(/** @type {HTMLElement} */ (target)));
    dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  }

  /** The dialog was opened, and something may stand in its field already. */
  opened() {
    this.found = [];
    this.typed(0);
  }

  typed(pause = PAUSE) {
    this.current = 0;
    this.show();
    clearTimeout(this.pause);
    this.request?.abort();
    this.pause = setTimeout(() => this.ask(this.field.value.trim()), pause);
  }

  /** @param {string} text */
  async ask(text) {
    this.request = new AbortController();
    try {
      const address = `${this.dialog.dataset.search}?q=${encodeURIComponent(text)}`;
      const response = await fetch(address, { signal: this.request.signal });
      if (!response.ok) throw new Error(`The server answered ${response.status}.`);
      const { projects, runs } = await response.json();
      const [first, second] = text ? ["Projects", "Runs"] : ["Your projects", "Latest runs"];
      this.found = [
        { title: first, choices: projects },
        { title: second, choices: runs },
      ];
    } catch (error) {
      if (/** @type {Error} */ (error).name === "AbortError") return;
      this.found = [];
      toast("The search did not answer. Commands and pages are still here.");
    }
    this.show();
  }

  show() {
    const before = this.current > 0 ? this.choices[this.current] : undefined;
    const text = this.field.value;
    const own = [
      { title: "On this page", choices: matching(actions(), text) },
      { title: "Go to", choices: matching(pages(), text) },
    ];
    const groups = [...this.found, ...own].filter(({ choices }) => choices.length);
    this.choices = groups.flatMap(({ choices }) => choices);
    // What arrives later does not move what somebody has chosen meanwhile.
    const again = before ? this.choices.findIndex(({ name, url }) => name === before.name && url === before.url) : 0;
    this.current = Math.max(0, again);
    this.list.replaceChildren(...groups.map((group) => groupElement(group, this.choices)));
    const count = this.choices.length;
    this.dialog.toggleAttribute("data-nothing", !count);
    this.status.textContent = count ? `${count} ${count === 1 ? "result" : "results"}` : "Nothing found";
    this.mark();
  }

  /** Show which choice is the current one. */
  mark() {
    for (const option of this.list.querySelectorAll("[role=option]")) {
      const isCurrent = option.id === optionId(this.current);
      option.setAttribute("aria-selected", String(isCurrent));
      if (isCurrent) option.scrollIntoView({ block: "nearest" });
    }
    if (this.choices.length) this.field.setAttribute("aria-activedescendant", optionId(this.current));
    else this.field.removeAttribute("aria-activedescendant");
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    if (event.isComposing) return;
    if (event.key === "Enter") {
      event.preventDefault();
      this.choose(this.choices[this.current], event.ctrlKey || event.metaKey);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      this.current = moved(this.current, event.key, this.choices.length);
      this.mark();
    }
  }

  /** @param {HTMLElement} target */
  clicked(target) {
    const option = target.closest("[role=option]");
    if (option) this.choose(this.choices[Number(option.id.split("-").at(-1))]);
  }

  /**
   * @param {Choice | undefined} choice
   * @param {boolean} [elsewhere] in another tab
   */
  choose(choice, elsewhere = false) {
    if (!choice) return;
    if (choice.url && elsewhere) {
      open(choice.url);
      return;
    }
    this.dialog.close();
    if (choice.url) location.assign(choice.url);
    else choice.action?.();
  }
}

/** What can be done here: the shortcuts of this page. */
function actions() {
  const event = new KeyboardEvent("keydown");
  /** @type {Choice[]} */
  const all = [];
  for (const [, shortcuts] of listed((selector) => document.querySelector(selector) !== null)) {
    for (const { keys, label, action } of shortcuts) {
      // Places have a group of their own, and one is here already.
      if (!action || keys.startsWith("g ") || keys === "mod+k" || all.some(({ name }) => name === label)) continue;
      all.push({ name: label, keys, action: () => action(event) });
    }
  }
  return all;
}

/** The pages that every page leads to, from the links of the frame. */
function pages() {
  const links = /** @type {NodeListOf<HTMLAnchorElement>} */ (
    document.querySelectorAll(".bar .path a, .bar .items a, .tabs a, #palette a")
  );
  /** @type {Map<string, Choice>} */
  const byName = new Map();
  for (const link of links) {
    const name = link.dataset.name ?? link.textContent.trim();
    if (!byName.has(name)) byName.set(name, { name, url: link.href, keys: link.dataset.keys });
  }
  return [...byName.values()];
}

/** @param {number} index */
function optionId(index) {
  return `palette-${index}`;
}

/**
 * @param {Group} group
 * @param {Choice[]} all
 */
function groupElement({ title, choices }, all) {
  const element = document.createElement("div");
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", title);
  const heading = document.createElement("p");
  heading.textContent = title;
  heading.setAttribute("aria-hidden", "true");
  element.append(heading, ...choices.map((choice) => optionElement(choice, all.indexOf(choice))));
  return element;
}

/**
 * @param {Choice} choice
 * @param {number} index
 */
function optionElement({ name, about, state, keys }, index) {
  const element = document.createElement("div");
  element.setAttribute("role", "option");
  element.id = optionId(index);
  const mark = state && document.querySelector(`#palette-marks [data-state="${state}"]`)?.cloneNode(true);
  if (mark) element.append(mark);
  element.append(span("name", name));
  if (about) element.append(span("about", about));
  for (const key of keys?.split(" ") ?? []) {
    const label = document.createElement("kbd");
    label.textContent = shown(key, isMac);
    element.append(label);
  }
  return element;
}

/**
 * @param {string} className
 * @param {string} text
 */
function span(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}

/** @type {Palette | null} */
let palette = null;

/** @param {HTMLDialogElement} dialog that was opened */
export function fill(dialog) {
  palette ??= new Palette(dialog);
  palette.opened();
}
