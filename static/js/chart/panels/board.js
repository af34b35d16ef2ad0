/* The layout of the page's cards: shown, changed, kept in this browser until it is saved with a view. */

import { readCookie, writeCookie } from "../../cookies.js";
import { applySearch } from "../search.js";
import { arrange } from "./arrange.js";
import { hidden, isPlain, layoutFrom, plain } from "./layout.js";

/** @typedef {import("./layout.js").Layout} Layout */

const MOST_KEPT = 40; // Layouts that the cookie names.

export class Board {
  /** @param {import("../index.js").Charts} charts */
  constructor(charts) {
    this.charts = charts;
    this.layout = this.draft() ?? this.saved;
    if (!isPlain(this.layout)) arrange(charts.root, this.layout);
    charts.root.removeAttribute("data-arranging");
    document.addEventListener("view:saving", ({ detail }) => Object.assign(detail, { layout: this.layout }));
    document.body.addEventListener("view:saved", () => this.forget());
    this.say();
  }

  /** What the view that is shown says. */
  get saved() {
    return layoutFrom(this.charts.root.dataset.layout);
  }

  get key() {
    const { project, view } = this.charts.root.dataset;
    return project ? `layout:${project}${view ? `:${view}` : ""}` : null;
  }

  /** What was changed here since then, unless somebody saved another layout meanwhile. */
  draft() {
    const kept = this.key && read(this.key);
    return kept && kept.of === (this.charts.root.dataset.layout ?? "") ? layoutFrom(JSON.stringify(kept.layout)) : null;
  }

  /** @param {Layout} layout */
  set(layout) {
    const { activeElement } = document;
    this.layout = layout;
    arrange(this.charts.root, layout);
    this.charts.adopt();
    this.keep();
    this.say();
    // Who is moved in the page loses the focus.
    if (activeElement !== document.activeElement)
      /** @type {HTMLElement} */ (activeElement)?.focus({ preventScroll: true });
  }

  keep() {
    const of = this.charts.root.dataset.layout ?? "";
    if (this.key) write(this.key, this.isChanged ? { of, layout: this.layout } : null);
  }

  forget() {
    if (this.key && this.charts.root.dataset.view) write(this.key, null);
  }

  get isChanged() {
    return JSON.stringify(this.layout) !== JSON.stringify(this.saved);
  }

  /** What the server sends takes the places that it has here. @param {ParentNode | undefined} fragment */
  prepare(fragment) {
    if (fragment && !isPlain(this.layout)) arrange(fragment, this.layout);
  }

  /** How many charts are hidden, and whether the view can be saved. */
  say() {
    const button = /** @type {HTMLElement | null} */ (this.charts.root.querySelector("[data-hidden-charts]"));
    if (button) {
      button.hidden = !this.hidden.length;
      button.textContent = `${this.hidden.length} hidden`;
    }
    document.getElementById("workspace")?.toggleAttribute("data-rearranged", this.isChanged);
    document.dispatchEvent(new CustomEvent("address:change"));
    if (!isPlain(this.layout)) applySearch();
  }

  /** Those of the hidden charts that this page has. */
  get hidden() {
    const all = /** @type {NodeListOf<HTMLElement>} */ (this.charts.root.querySelectorAll(".chart"));
    const names = new Set([...all].map(({ dataset }) => dataset.name));
    return this.layout.hidden.filter((name) => names.has(name));
  }

  /** @param {string} name */
  reveal(name) {
    this.set(hidden(this.layout, name, false));
  }

  reset() {
    this.set(plain());
  }

  /**
   * The names of the cards beside a card, those that are not shown among them.
   * @param {HTMLElement} element
   */
  beside(element) {
    const cards = [.../** @type {NodeListOf<HTMLElement>} */ (element.parentElement?.querySelectorAll(".chart") ?? [])];
    const nameOf = (/** @type {HTMLElement} */ { dataset }) => dataset.name ?? "";
    const section = /** @type {HTMLElement | null} */ (element.closest(".section"));
    return {
      section: section?.id === "section-pinned" ? null : (section?.dataset.section ?? ""),
      all: cards.map(nameOf),
      shown: cards.filter((card) => !("gone" in card.dataset)).map(nameOf),
    };
  }
}

/** @param {string} key */
function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null; // Nothing may be kept in this browser.
  }
}

/**
 * The cookie says which layouts are kept here, so that the server sends their cards unseen until they have their places.
 * @param {string} key
 * @param {unknown} value
 */
function write(key, value) {
  const name = key.replace("layout:", "");
  const others = readCookie("layouts")
    .split(" ")
    .filter((other) => other && other !== name);
  writeCookie("layouts", (value === null ? others : [name, ...others]).slice(0, MOST_KEPT).join(" "));
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Nothing may be kept in this browser, or there is no room: the layout holds until the page is left.
  }
}
