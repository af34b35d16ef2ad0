/* What a person does in the charts: zoom by dragging or by key, move the crosshair by key, isolate a run. */

import { short } from "../format.js";
import { position } from "./hover.js";
import { pointNear } from "./nearest.js";
import { zoomByTouch } from "./touch.js";
import { moved, rounded, zoomedIn, zoomedOut } from "./view.js";

/** @typedef {import("./card.js").Card} Card */
/** @typedef {import("./ticks.js").Range} Range */
/** @typedef {import("./view.js").View} View */

const STILL = 4; // Pixels that the mouse may move in a click.

export class Interactions {
  /** @param {import("./index.js").Charts} charts */
  constructor(charts) {
    this.charts = charts;
    this.dragging = false;
    /** @type {{card: Card, clientX: number, clientY: number} | null} where the mouse was pressed */
    this.pressed = null;
    /** @type {number | null} where the crosshair stands that is moved by keys */
    this.cursor = null;
    for (const end of ["mouseup", "pointerup", "pointercancel", "blur"]) {
      addEventListener(end, (event) => this.release(event), { capture: true });
    }
    this.announcement = document.createElement("p");
    this.announcement.className = "visually-hidden";
    this.announcement.setAttribute("role", "status");
    charts.root.after(this.announcement);
  }

  /** @param {Card} card */
  listen(card) {
    const { plot } = card;
    if (!plot) return;
    card.interactive = true;
    zoomByTouch(plot);
    this.charts.hover.listen(card);
    plot.addEventListener("mousedown", (event) => this.press(event, card), { capture: true });
    plot.addEventListener("keydown", (event) => this.key(event, card));
    plot.addEventListener("blur", () => this.leave());
  }

  /**
   * @param {MouseEvent} event
   * @param {Card} card
   */
  press(event, card) {
    if (/** @type {Element} */ (event.target).closest("button")) return;
    if (event.altKey) {
      event.stopPropagation(); // Or Plotly would begin to drag.
      this.charts.isolate(this.charts.hover.find(card, event)?.meant?.line.run.id);
      return;
    }
    this.dragging = true;
    this.charts.hover.hide();
    this.pressed = event.detail === 1 ? { card, clientX: event.clientX, clientY: event.clientY } : null;
    // The browser counts the clicks; Plotly counts by its own clock, which is late on a busy page.
    if (event.detail !== 2) return;
    if (this.charts.view.range) this.charts.setView({ range: null });
  }

  /** @param {Event} event */
  release(event) {
    if (!this.dragging) return;
    const { pressed } = this;
    this.dragging = false;
    this.pressed = null;
    this.charts.schedule();
    if (!pressed || !(event instanceof MouseEvent)) return;
    const moved = Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY);
    if (moved < STILL) this.charts.panels.clicked(pressed.card, pressed);
  }

  /**
   * Listen to what Plotly says about a card's canvas.
   * @param {Card} card
   */
  attach(card) {
    if (card.wired === card.canvas) return;
    card.wired = card.canvas;
    card.canvas?.on?.("plotly_relayout", (change) => this.relayout(change, card));
  }

  /**
   * @param {Record<string, any>} change
   * @param {Card} card
   */
  relayout(change, { frame }) {
    /** @type {(number | undefined)[]} */
    const [from, to] = change["xaxis.range"] ?? [change["xaxis.range[0]"], change["xaxis.range[1]"]];
    if (from === undefined || to === undefined) return;
    const ends = [from, to].map((end) => (frame?.logX ? 10 ** end : end));
    const range = rounded([Math.min(...ends), Math.max(...ends)], this.charts.view.axis);
    this.charts.setView({ range });
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
    const whole = card.extent;
    if (!whole || !card.frame || event.ctrlKey || event.metaKey || event.altKey) return;
    const { view } = this.charts;
    const range = view.range ?? card.frame.range;
    const width = range[1] - range[0];
    const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (direction && event.shiftKey) {
      if (view.range) this.charts.setView({ range: moved(range, whole, (direction * width) / 2) });
    } else if (direction) {
      this.moveCursor(card, range, direction);
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      if (!this.charts.hover.next(event.key === "ArrowUp" ? -1 : 1)) return;
      this.announce();
    } else if (event.key === "+" || event.key === "=") {
      const middle = this.cursor ?? range[0] + width / 2;
      this.charts.setView({ range: zoomedIn(range, middle, whole.axis) });
    } else if (event.key === "-") {
      this.charts.setView({ range: zoomedOut(range, whole) });
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
    const { x, rows, meant } = this.charts.hover;
    if (x === null) return;
    const told = meant ? rows.filter(({ line }) => line === meant.line) : rows.slice(0, 3);
    /** @param {import("./nearest.js").Row} row */
    const words = ({ line, kind, value }) => (rows.length > 1 ? `${line.run.name} ` : "") + short(kind ?? value);
    this.announcement.textContent = `${position(x, this.charts.view.axis)}: ${told.map(words).join(", ")}`;
  }
}
