/* What a person does in the charts: zoom by dragging or by key, move the crosshair by key, isolate a run. */

import { short } from "../format.js";
import { position } from "./hover.js";
import { pointNear } from "./nearest.js";
import { Stretch } from "./stretch.js";
import { moved, rounded, zoomedIn, zoomedOut } from "./view.js";

/** @typedef {import("./card.js").Card} Card */
/** @typedef {import("./ticks.js").Range} Range */
/** @typedef {import("./view.js").View} View */

export class Interactions {
  /** @param {import("./index.js").Charts} charts */
  constructor(charts) {
    this.charts = charts;
    /** @type {Stretch | null} what somebody draws with the pointer, to zoom into it */
    this.stretch = null;
    this.drawn = false; // Whether the last press drew one: then its click means nothing.
    /** @type {number | null} where the crosshair stands that is moved by keys */
    this.cursor = null;
    this.announcement = document.createElement("p");
    this.announcement.className = "visually-hidden";
    this.announcement.setAttribute("role", "status");
    charts.root.after(this.announcement);
  }

  get dragging() {
    return this.stretch !== null;
  }

  /** @param {Card} card */
  listen(card) {
    const { plot } = card;
    if (!plot) return;
    card.interactive = true;
    this.charts.hover.listen(card);
    plot.addEventListener("pointerdown", (event) => this.press(event, card));
    plot.addEventListener("pointermove", (event) => this.stretch?.moveTo(event));
    plot.addEventListener("pointerup", () => this.release());
    // The browser took the pointer to move the page, or the window lost it.
    for (const end of ["pointercancel", "lostpointercapture"]) plot.addEventListener(end, () => this.letGo());
    plot.addEventListener("click", (event) => this.click(event, card));
    plot.addEventListener("dblclick", (event) => this.doubleClick(event));
    plot.addEventListener("keydown", (event) => this.key(event, card));
    plot.addEventListener("blur", () => this.leave());
  }

  /**
   * @param {PointerEvent} event
   * @param {Card} card
   */
  press(event, card) {
    this.drawn = false;
    if (!isOnSurface(event) || event.button !== 0 || !event.isPrimary || event.altKey) return;
    this.letGo();
    this.stretch = Stretch.begun(card, event);
    this.charts.hover.hide();
  }

  release() {
    const { stretch } = this;
    if (!stretch) return;
    this.drawn = stretch.isMoved;
    if (!stretch.isWide) return this.letGo();
    // It stays to be seen until what it holds is drawn in place of the old.
    this.stretch = null;
    this.charts.zoom(stretch.card, rounded(stretch.range, this.charts.viewOf(stretch.card).axis));
  }

  /** What waited for the end of the drag is drawn. */
  letGo() {
    if (!this.stretch) return;
    this.stretch.end();
    this.stretch = null;
    this.charts.schedule();
  }

  /**
   * @param {MouseEvent} event
   * @param {Card} card
   */
  click(event, card) {
    if (!isOnSurface(event) || this.drawn) return;
    if (event.altKey) this.charts.isolate(this.charts.hover.find(card, event)?.meant?.line.run.id);
    else if (event.detail === 1) this.charts.panels.clicked(card, event);
  }

  /** @param {MouseEvent} event */
  doubleClick(event) {
    if (isOnSurface(event) && this.charts.view.range) this.charts.setView({ range: null });
  }

  leave() {
    this.cursor = null;
    this.charts.hover.clear();
  }

  /**
   * @param {KeyboardEvent} event
   * @param {Card} card
   */
  key(event, card) {
    if (event.key === "Escape" && this.stretch) {
      event.stopPropagation();
      this.letGo();
      return;
    }
    const whole = card.extent;
    if (!whole || !card.frame || event.ctrlKey || event.metaKey || event.altKey) return;
    const view = this.charts.viewOf(card);
    const range = view.range ?? card.frame.range;
    const width = range[1] - range[0];
    const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (direction && event.shiftKey) {
      if (view.range) this.charts.zoom(card, moved(range, whole, (direction * width) / 2));
    } else if (direction) {
      this.moveCursor(card, range, direction);
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      if (!this.charts.hover.next(event.key === "ArrowUp" ? -1 : 1)) return;
      this.announce();
    } else if (event.key === "+" || event.key === "=") {
      const middle = this.cursor ?? range[0] + width / 2;
      this.charts.zoom(card, zoomedIn(range, middle, whole.axis));
    } else if (event.key === "-") {
      this.charts.zoom(card, zoomedOut(range, whole));
    } else {
      return;
    }
    event.preventDefault();
  }

  /**
   * Move the crosshair by a fiftieth of what is shown, and say what stands there.
   * @param {Card} card
   * @param {Range} range
   * @param {number} direction
   */
  moveCursor(card, range, direction) {
    const from = this.cursor ?? (direction > 0 ? range[0] : range[1]);
    const to = from + (direction * (range[1] - range[0])) / 50;
    this.cursor = Math.min(Math.max(to, range[0]), range[1]);
    const { hover } = this.charts;
    const meant = card.shown.find((one) => one.line === hover.meant?.line) ?? null;
    const series = (meant ?? card.shown.find((one) => one.series.x.length))?.series;
    if (!series) return;
    hover.showAt(card, series.x[pointNear(series, this.cursor)], meant);
    this.announce();
  }

  /** Say what the crosshair stands at. */
  announce() {
    const { card, x, rows, meant } = this.charts.hover;
    if (!card || x === null) return;
    const told = meant ? rows.filter(({ line }) => line === meant.line) : rows.slice(0, 3);
    /** @param {import("./nearest.js").Row} row */
    const words = ({ line, kind, value }) => (rows.length > 1 ? `${line.run.name} ` : "") + short(kind ?? value);
    this.announcement.textContent = `${position(x, this.charts.viewOf(card).axis)}: ${told.map(words).join(", ")}`;
  }
}

/** Not on a sign or a message. @param {Event} event */
function isOnSurface({ target }) {
  return /** @type {Element} */ (target).matches(".surface");
}
