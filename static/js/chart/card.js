/* One chart on the page: its element, its data, and the words around it. */

import { count, exact, short, toNumber } from "../format.js";
import { indexAfter, indexOf } from "./series.js";

/** @typedef {import("./series.js").Series} Series */
/** @typedef {import("./series.js").LiveColumns} LiveColumns */
/** @typedef {import("./ticks.js").Range} Range */
/** @typedef {import("./view.js").View} View */
/** @typedef {import("../format.js").WireNumber} WireNumber */

/**
 * Give a card that came with its name alone what a whole one has.
 * @param {HTMLElement} element
 */
export function complete(element) {
  if (element.querySelector(".plot")) return;
  const { name = "", last = "NaN" } = element.dataset;
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById("card"));
  element.replaceChildren(template.content.cloneNode(true));
  const title = /** @type {HTMLElement} */ (element.querySelector("h3"));
  title.title = name;
  title.append(...titleParts(name));
  element.querySelector(".plot")?.setAttribute("aria-label", `Chart of ${name}`);
  showValue(/** @type {HTMLDataElement} */ (element.querySelector(".value")), last);
}

/**
 * A metric's name with its group in a lighter tone.
 * @param {string} name
 * @returns {(string | Node)[]}
 */
function titleParts(name) {
  const end = name.lastIndexOf("/") + 1;
  if (end < 2 || end === name.length) return [name];
  const group = document.createElement("span");
  group.append(name.slice(0, end));
  return [group, name.slice(end)];
}

/**
 * @param {HTMLDataElement} element
 * @param {WireNumber} value
 */
function showValue(element, value) {
  element.textContent = short(value);
  element.title = element.value = exact(value);
  element.toggleAttribute("data-odd", !Number.isFinite(toNumber(value)));
}

/**
 * NaN and infinities by name: one mark may stand for several.
 * @param {[number, string][]} bad
 */
function kindsOf(bad) {
  return [...new Set(bad.map(([, kind]) => short(kind)))].join(", ");
}

export class Card {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.name = element.dataset.name ?? "";
    this.visible = false;
    this.interactive = false;
    /** @type {Series | null} the whole run */
    this.base = null;
    /** @type {Series | null} the window that is zoomed into, or was */
    this.detail = null;
    /** @type {Series | null} whichever of them is on the screen */
    this.shown = null;
    this.stale = false; // The base is no longer right, but stays until there is a better one.
    this.dirty = false;
    /** @type {import("./plotly.js").Canvas | null} */
    this.canvas = null;
    /** @type {HTMLElement | null} the canvas whose events are listened to */
    this.wired = null;
    this.width = 0; // Pixels of the canvas when it was drawn.
    /** @type {string | null} */
    this.problem = null;
    this.fetching = false;
    /** @type {LiveColumns[]} that came while an answer was under way, which may be older than they are */
    this.meanwhile = [];
    this.restUntil = 0;
  }

  /**
   * What to draw, or null as long as it has not come. What is on the screen stays until then.
   * @param {View} view
   */
  seriesFor({ range }) {
    if (!range || this.problem) return this.base;
    return this.hasDetail(range) ? this.detail : null;
  }

  /** @param {Range} range */
  hasDetail(range) {
    return this.detail?.range?.[0] === range[0] && this.detail.range[1] === range[1];
  }

  get needsBase() {
    return !this.base || this.stale || this.base.needsRefetch;
  }

  /** @param {View} view */
  needsDetail({ range }) {
    return range !== null && (!this.hasDetail(range) || this.needsBase);
  }

  /** @param {View} view */
  needsData(view) {
    return (this.needsBase || this.needsDetail(view)) && !this.fetching;
  }

  /**
   * How many points there may be in a range, estimated from the whole run.
   * @param {Range} range
   */
  pointsIn([low, high]) {
    if (!this.base) return Infinity;
    const { x, counts } = this.base;
    let sum = 0;
    for (const more of counts.slice(indexOf(x, low), indexAfter(x, high) + 1)) sum += Number(more);
    return sum;
  }

  /**
   * Cut what the view needs out of what is here, if it can be.
   * @param {View} view
   */
  cut({ range }) {
    if (!range || this.hasDetail(range) || this.needsBase) return;
    const source = [this.detail, this.base].find((series) => series?.covers(range));
    if (source) this.detail = source.within(range);
  }

  forget() {
    this.base = this.detail = null;
  }

  /** Give back what the drawing takes; when the card is seen again it is as new. */
  clear() {
    this.forget();
    if (this.canvas) {
      /** @type {any} */ (window).Plotly.purge(this.canvas);
      this.canvas.remove();
    }
    // Out of the view the browser does not lay out the card again, and would keep what was laid out last.
    this.element.style.contentVisibility = "visible";
    void this.element.offsetHeight;
    this.element.style.contentVisibility = "";
    this.canvas = this.wired = this.shown = null;
    this.dirty = false;
    this.restUntil = 0;
  }

  /**
   * There was an answer, or none will come: leave the server alone for so many milliseconds.
   * @param {number} rest
   */
  settle(rest = 0) {
    this.fetching = false;
    this.meanwhile = [];
    this.restUntil = performance.now() + rest;
  }

  /**
   * Take new data and add the live points that are not in it; null for what was not fetched.
   * @param {Series | null} base
   * @param {Series | null} detail
   * @param {View} view
   */
  fill(base, detail, view) {
    if (base) this.stale = false;
    this.base = base ?? this.base;
    this.detail = detail ?? this.detail;
    if (this.detail && this.base) this.detail.origin ??= this.base.origin;
    for (const live of this.meanwhile) for (const series of [base, detail]) series?.append(live);
    this.problem = null;
    this.cut(view);
    this.dirty = this.base !== null;
  }

  /**
   * @param {LiveColumns} live
   * @param {View} view
   */
  append(live, { range }) {
    this.follow(live);
    if (this.fetching) this.meanwhile.push(live);
    const [inBase, inDetail] = [this.base, this.detail].map((series) => series?.append(live) ?? 0);
    if (range ? inDetail : inBase) this.dirty = true;
  }

  /**
   * The current value is that of the greatest step, of the latest to arrive among equals, as on the server.
   * @param {LiveColumns} live
   */
  follow({ steps, values }) {
    let latest = -1;
    let greatest = Number(this.element.dataset.step ?? -Infinity);
    for (const [i, step] of steps.entries()) {
      if (step >= greatest) [latest, greatest] = [i, step];
    }
    if (latest < 0) return;
    this.element.dataset.step = String(greatest);
    this.showLast(values[latest]);
  }

  get plot() {
    return /** @type {HTMLElement | null} */ (this.element.querySelector(".plot"));
  }

  /** @param {WireNumber} value */
  showLast(value) {
    const element = /** @type {HTMLDataElement | null} */ (this.element.querySelector(".value"));
    if (element) showValue(element, value);
    else this.element.dataset.last = String(value);
  }

  /** The element that Plotly draws into; the numbers that stood there make room. */
  makeCanvas() {
    if (!this.canvas) {
      this.canvas = document.createElement("div");
      this.canvas.className = "canvas";
      this.plot?.replaceChildren(this.canvas);
    }
    return this.canvas;
  }

  /**
   * Say in the chart's place why there is none.
   * @param {string} text
   * @param {() => void} [retry]
   */
  showMessage(text, retry) {
    this.canvas = this.shown = null;
    const message = document.createElement("div");
    message.className = "message";
    message.append(text);
    if (retry) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Try again";
      button.addEventListener("click", retry);
      message.append(button);
    }
    this.plot?.replaceChildren(message);
    this.showExactness("", "");
  }

  /**
   * An answer did not come: what is drawn stays, and is called old.
   * @param {string} text
   * @param {() => void} retry
   */
  fail(text, retry) {
    this.problem = `Not up to date: ${text}`;
    this.dirty = this.base !== null;
    if (!this.canvas) this.showMessage(`Not drawn: ${text}`, retry);
  }

  /**
   * @param {string} text
   * @param {string} title
   */
  showExactness(text, title) {
    const label = /** @type {HTMLElement} */ (this.element.querySelector(".exactness"));
    label.textContent = text;
    label.title = title;
    label.toggleAttribute("data-old", this.problem !== null);
  }

  /**
   * Say how much of the truth the line shows.
   * @param {View} view
   */
  describe(view) {
    const { shown } = this;
    if (this.problem) return this.showExactness("Not up to date", this.problem);
    if (!shown) return undefined;
    if (view.range && !shown.total) {
      const title = "The line goes on to the points on either side of the range";
      return this.showExactness("No points in this range", title);
    }
    const parts = [shown.exact ? "exact" : `${count(shown.x.length)} of ${count(shown.total)} points`];
    const notAbove = view.log ? shown.last.reduce((sum, value) => sum + (value <= 0 ? 1 : 0), 0) : 0;
    if (notAbove) parts.push(`${count(notAbove)} not above 0`);
    if (shown.bad.length) parts.push(kindsOf(shown.bad));
    return this.showExactness(
      parts.join(" · "),
      shown.exact
        ? `All ${count(shown.total)} points are drawn`
        : "The line is the last value of each bucket, the band its minimum and maximum",
    );
  }
}
