/* One chart on the page: its element, its lines, and the words around them. */

import { exactnessOf } from "./exactness.js";
import { Line } from "./line.js";
import { Overlay } from "./overlay.js";
import { smoothed, smoothingInWords } from "./smooth.js";
import { showValue, specOf } from "./title.js";

/** @typedef {import("./line.js").DrawnRun} DrawnRun */
/** @typedef {import("./series.js").Series} Series */
/** @typedef {import("./series.js").LiveColumns} LiveColumns */
/** @typedef {import("./view.js").View} View */
/** @typedef {import("../format.js").WireNumber} WireNumber */
/** A line with what is drawn of it; `y` is the values as they are, or smoothed.
 * @typedef {{line: Line, series: Series, y: ArrayLike<number>}} Shown */

/**
 * @param {Series} series
 * @param {View} view
 */
function valuesOf({ last }, { smoothing }) {
  return smoothing ? smoothed(last, smoothing) : last;
}

export class Card {
  /**
   * @param {HTMLElement} element
   * @param {DrawnRun[]} runs
   */
  constructor(element, runs) {
    this.element = element;
    this.name = element.dataset.name ?? "";
    this.spec = specOf(element);
    /** @type {Line[]} */
    this.lines = [];
    this.visible = false; // Or near what can be seen...
    this.inView = false; // ...and in it.
    this.behind = false; // Whether live points came while it was out of the view.
    this.interactive = false;
    /** @type {Shown[]} what is on the screen */
    this.shown = [];
    this.dirty = false;
    /** @type {import("./plotly.js").Canvas | null} */
    this.canvas = null;
    /** @type {import("./frame.js").Frame | null} where data stand on the canvas */
    this.frame = null;
    /** @type {import("./overlay.js").Overlay | null} */
    this.overlay = null;
    this.width = this.height = 0; // Pixels of the canvas when it was drawn.
    /** @type {string | null} */
    this.problem = null;
    this.setRuns(runs);
  }

  /** The element may be of other metrics than before. @returns whether it is */
  renew() {
    const spec = specOf(this.element);
    if (String(spec.metrics) === String(this.spec.metrics)) return false;
    this.spec = spec;
    return true;
  }

  /**
   * Lines of runs that stay keep their data.
   * @param {DrawnRun[]} runs
   */
  setRuns(runs) {
    const before = this.lines;
    this.lines = this.spec.metrics.flatMap((metric) =>
      runs.map((run) => {
        const line = before.find((one) => one.run.id === run.id && one.metric === metric);
        if (!line || String(line.run.members) !== String(run.members)) return new Line(this, run, metric);
        line.run = run;
        return line;
      }),
    );
    this.dirty = this.hasData || this.shown.length > 0;
  }

  get hasData() {
    return this.lines.some(({ base }) => base);
  }

  /**
   * From where to where the whole lines go, null without any.
   * @returns {import("./view.js").Extent | null}
   */
  get extent() {
    const ends = this.lines.flatMap(({ base }) => [base?.ends() ?? []]).filter((one) => one.length);
    if (!ends.length) return null;
    const axis = this.lines.find(({ base }) => base)?.base?.axis ?? "step";
    return { axis, ends: [Math.min(...ends.map(([low]) => low)), Math.max(...ends.map(([, high]) => high))] };
  }

  /** The metrics that tell apart the lines of one run, if there are several. */
  get isOfMany() {
    return this.spec.metrics.length > 1;
  }

  /**
   * What is to be drawn, or null as long as some of it has not come. What is on the screen stays until then.
   * @param {View} view
   */
  seriesFor(view) {
    /** @type {{line: Line, series: Series}[]} */
    const found = [];
    for (const line of this.lines) {
      const series = this.problem ? line.base : line.seriesFor(view);
      if (series) found.push({ line, series });
      else if (line.base) return null;
    }
    return found.length || this.shown.length ? found : null;
  }

  /**
   * The same with the values as they are drawn.
   * @param {View} view
   * @returns {Shown[] | null}
   */
  linesFor(view) {
    const found = this.seriesFor(view);
    return found?.map(({ line, series }) => ({ line, series, y: valuesOf(series, view) })) ?? null;
  }

  /** @param {View} view */
  linesInNeed(view) {
    return this.lines.filter((line) => line.needsData(view));
  }

  forget() {
    for (const line of this.lines) line.forget();
  }

  /** Give back what the drawing takes; when the card is seen again it is as new. */
  clear() {
    this.forget();
    if (this.canvas) {
      /** @type {any} */ (window).Plotly.purge(this.canvas);
      this.plot?.replaceChildren();
    }
    // Out of the view the browser does not lay out the card again, and would keep what was laid out last.
    this.element.style.contentVisibility = "visible";
    void this.element.offsetHeight;
    this.element.style.contentVisibility = "";
    this.canvas = this.frame = this.overlay = null;
    this.shown = [];
    this.dirty = this.behind = false;
  }

  /**
   * @param {number} runId
   * @param {string} metric
   * @param {LiveColumns} live
   * @param {View} view
   */
  append(runId, metric, live, view) {
    if (this.lines.length === 1) this.follow(live);
    for (const line of this.lines) {
      if (line.metric !== metric) continue;
      if (line.run.id === runId && line.append(live, view)) this.behind = true;
      else if (line.run.members?.includes(runId)) line.stale = true;
    }
    this.catchUp();
  }

  /** Points that came are drawn while they can be seen, or once they can. */
  catchUp() {
    if (!this.inView || !this.behind) return;
    this.behind = false;
    this.dirty = true;
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
    if (element) showValue(element, value, this.element.dataset.name ?? "");
    else this.element.dataset.last = String(value);
  }

  /** The element that Plotly draws into, and what lies over it; the numbers that stood there make room. */
  makeCanvas() {
    if (!this.canvas && this.plot) {
      this.canvas = document.createElement("div");
      this.canvas.className = "canvas";
      this.plot.replaceChildren(this.canvas);
      this.overlay = new Overlay(this.plot);
    }
    return this.canvas;
  }

  /**
   * Let the lines of a run come to the front; null for none.
   * @param {number | null} runId
   * @param {boolean} log
   */
  light(runId, log) {
    if (!this.overlay || !this.frame) return;
    const lines = this.shown.filter(({ line }) => line.run.id === runId);
    this.overlay.light(lines.length ? lines : null, this.frame, log);
  }

  /**
   * Say in the chart's place why there is none.
   * @param {string} text
   * @param {() => void} [retry]
   */
  showMessage(text, retry) {
    this.canvas = this.frame = this.overlay = null;
    this.shown = [];
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

  /** There was an answer: draw it, or say why there is nothing to draw. */
  answered() {
    this.problem = null;
    this.dirty = this.hasData;
    const damage = this.lines.find((line) => line.damage)?.damage;
    if (damage && !this.hasData) this.showMessage(damage);
  }

  /**
   * An answer did not come: what is drawn stays, and is called old.
   * @param {string} text
   * @param {() => void} retry
   */
  fail(text, retry) {
    this.problem = `Not up to date: ${text}`;
    this.dirty = this.hasData;
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
   * Say how much of the truth the lines show.
   * @param {View} view
   */
  describe(view) {
    if (this.problem) return this.showExactness("Not up to date", this.problem);
    const [text, title] = exactnessOf(this, view);
    const along = view.ownX ? `x: ${view.ownX} · ` : "";
    if (!view.smoothing) return this.showExactness(along + text, title);
    const how = `${title}. The strong line is computed from the points that are drawn; the faint one is as logged.`;
    return this.showExactness(`${along}${smoothingInWords(view.smoothing)} · ${text}`, how);
  }
}
