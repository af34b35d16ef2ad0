/* The search of the Logs tab: hits are gathered from the end of the log on while one already steps through them. */

import { register } from "../shortcuts.js";
import { Hits } from "./hits.js";
import { numberOf } from "./rows.js";

const PAUSE = 250; // Milliseconds after a letter.
const GROUP = "Console output";

/** @param {import("./index.js").LogWindow} log */
export function start(log) {
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (log.section.querySelector(selector));
  const field = /** @type {HTMLInputElement} */ (find("[data-log-search]"));
  const search = new Search(log, field, find("[data-log-hits]"), find("[data-log-count]"));
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => search.begin(), PAUSE);
  });
  field.form?.addEventListener("submit", (event) => event.preventDefault());
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    clearTimeout(timer);
    if (search.text === field.value.trim()) search.step(event.shiftKey ? -1 : 1);
    else search.begin();
  });
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (log.section.querySelectorAll("[data-log-step]"))) {
    button.addEventListener("click", () => search.step(button.dataset.logStep === "1" ? 1 : -1));
  }
  register("n", "Next hit", () => (search.text ? search.step(1) : false), { group: GROUP, when: "#logs" });
  register("shift+n", "Previous hit", () => (search.text ? search.step(-1) : false), { group: GROUP, when: "#logs" });
  register("N", "Previous hit", () => (search.text ? search.step(-1) : false), { group: GROUP, when: "#logs" });
  document.body.addEventListener("logs:drawn", () => search.paint());
  document.body.addEventListener("logs:grown", () => search.goOn());
  if (field.value.trim()) search.begin();
}

class Search {
  /**
   * @param {import("./index.js").LogWindow} log
   * @param {HTMLInputElement} field
   * @param {HTMLElement} bar
   * @param {HTMLElement} count
   */
  constructor(log, field, bar, count) {
    this.log = log;
    this.field = field;
    this.bar = bar;
    this.count = count;
    this.text = "";
    this.hits = new Hits(0);
  }

  async begin() {
    this.text = this.field.value.trim();
    this.log.remember({ q: this.text });
    const hits = new Hits(this.log.total);
    this.hits = hits;
    this.show();
    if (!this.text) return;
    let isFirst = true;
    while (!hits.done) {
      const look = await this.look({ before: hits.reached });
      if (this.hits !== hits) return; // Another search has begun.
      if (!look) break;
      hits.takeEarlier(look);
      if (isFirst && hits.lines.length) {
        isFirst = false;
        await this.step(-1, this.log.following ? this.log.total + 1 : this.firstSeen() + 1);
      }
      this.show();
    }
  }

  /** What came since the search began. */
  async goOn() {
    const hits = this.hits;
    if (!this.text || this.log.total <= hits.last) return;
    const look = await this.look({ after: hits.last });
    if (!look || this.hits !== hits) return;
    hits.takeLater(look);
    this.show();
  }

  /** @param {Record<string, number>} query @returns {Promise<import("./hits.js").Look | null>} */
  async look(query) {
    const url = new URL(this.log.section.dataset.hits ?? "", location.href);
    url.searchParams.set("q", this.text);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    try {
      const response = await fetch(url);
      return response.ok ? await response.json() : null;
    } catch {
      return null;
    }
  }

  /**
   * @param {1 | -1} direction
   * @param {number} [from] a line, by default that of the hit one is at
   */
  async step(direction, from = this.hits.here ?? this.firstSeen()) {
    const line = this.hits.step(direction, from);
    if (line === null) return;
    await this.log.show(line);
    this.show();
  }

  firstSeen() {
    const row = this.log.rows.firstVisible(this.log.scroller);
    return row ? numberOf(row) : 1;
  }

  show() {
    this.bar.hidden = !this.text;
    if (this.count.textContent !== this.hits.words) this.count.textContent = this.hits.words;
    this.paint();
  }

  /** Mark the hits in the rows that are in the page, without changing them. */
  paint() {
    if (!("highlights" in CSS)) return;
    CSS.highlights.delete("log-hit");
    CSS.highlights.delete("log-hit-here");
    if (!this.text) return;
    /** @type {Range[]} */
    const all = [];
    /** @type {Range[]} */
    const here = [];
    for (const line of linesWithin(this.hits.lines, this.log.first, this.log.last)) {
      const row = this.log.rows.find(line);
      const text = row?.querySelector(".log-text");
      if (text) (line === this.hits.here ? here : all).push(...rangesOf(text, this.text));
    }
    CSS.highlights.set("log-hit", new Highlight(...all));
    CSS.highlights.set("log-hit-here", new Highlight(...here));
  }
}

/**
 * @param {number[]} lines
 * @param {number} first
 * @param {number} last
 */
function linesWithin(lines, first, last) {
  return lines.filter((line) => line >= first && line <= last);
}

/**
 * Where a text stands in an element, whatever its case and however it is coloured.
 * @param {Element} element
 * @param {string} text
 */
function rangesOf(element, text) {
  const nodes = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) nodes.push(/** @type {Text} */ (walker.currentNode));
  const whole = nodes
    .map((node) => node.data)
    .join("")
    .toLowerCase();
  /** @type {Range[]} */
  const ranges = [];
  const needle = text.toLowerCase();
  for (let at = whole.indexOf(needle); at >= 0 && ranges.length < 100; at = whole.indexOf(needle, at + needle.length)) {
    const range = document.createRange();
    if (
      place(nodes, at, (node, offset) => range.setStart(node, offset)) &&
      place(nodes, at + needle.length, (node, offset) => range.setEnd(node, offset))
    ) {
      ranges.push(range);
    }
  }
  return ranges;
}

/**
 * @param {Text[]} nodes
 * @param {number} at
 * @param {(node: Text, offset: number) => void} set
 */
function place(nodes, at, set) {
  let left = at;
  for (const node of nodes) {
    if (left <= node.length) {
      set(node, left);
      return true;
    }
    left -= node.length;
  }
  return false;
}
