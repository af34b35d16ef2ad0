/* One line of a chart: a metric of a run. Its data are the whole of it and the window that is zoomed into. */

import { indexAfter, indexOf } from "./series.js";

/** @typedef {import("./series.js").Series} Series */
/** @typedef {import("./series.js").LiveColumns} LiveColumns */
/** @typedef {import("./ticks.js").Range} Range */
/** @typedef {import("./view.js").View} View */

/** A run that is drawn, or with `members` a group of runs, drawn as its mean; then the id is negative.
 * @typedef {{id: number, name: string, colour: number, state: string, url: string, members?: number[]}} DrawnRun */

export class Line {
  /**
   * @param {import("./card.js").Card} card
   * @param {DrawnRun} run
   * @param {string} metric
   */
  constructor(card, run, metric) {
    this.card = card;
    this.run = run;
    this.metric = metric;
    /** @type {Series | null} the whole run */
    this.base = null;
    /** @type {Series | null} the window that is zoomed into, or was */
    this.detail = null;
    this.stale = false; // The base is no longer right, but stays until there is a better one.
    /** @type {string | null} why the server cannot read it */
    this.damage = null;
    this.fetching = false;
    /** @type {LiveColumns[]} that came while an answer was under way, which may be older than they are */
    this.meanwhile = [];
    this.restUntil = 0;
  }

  /**
   * What to draw, or null as long as it has not come.
   * @param {View} view
   */
  seriesFor({ range }) {
    if (!range) return this.base;
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
    if (!this.base?.isSorted) return Infinity;
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
    this.damage = null;
    this.cut(view);
  }

  /**
   * Add live points, and say whether that changes what is on the screen.
   * @param {LiveColumns} live
   * @param {View} view
   */
  append(live, { range }) {
    if (this.fetching) this.meanwhile.push(live);
    const [inBase, inDetail] = [this.base, this.detail].map((series) => series?.append(live) ?? 0);
    return (range ? inDetail : inBase) > 0;
  }
}
