/* What a person does with the charts: choose the axis and the scale, zoom by dragging or by key, move the crosshair. */

import { short } from "../format.js";
import { hoverMode, position } from "./draw.js";
import { zoomByTouch } from "./touch.js";
import { moved, rounded, zoomedIn, zoomedOut } from "./view.js";

/** @typedef {import("./card.js").Card} Card */
/** @typedef {import("./ticks.js").Range} Range */
/** @typedef {import("./view.js").View} View */

const ZOOM_DELAY = 150; // Milliseconds in which a drag may become a double click.

export class Interactions {
  /** @param {import("./index.js").Charts} charts */
  constructor(charts) {
    this.charts = charts;
    this.dragging = false;
    this.ownHover = false; // Whether Plotly's events come from our own calls.
    /** @type {number | null} where the crosshair stands that is moved by keys */
    this.cursor = null;
    /** @type {ReturnType<typeof setTimeout> | null} */
    this.zoomTimer = null;
    this.hoverFrame = 0;
    /** @type {import("./plotly.js").Plotly | null} */
    this.Plotly = null;
    charts.root.addEventListener("click", (event) => this.click(event));
    for (const end of ["mouseup", "pointerup", "pointercancel", "blur"]) {
      addEventListener(end, () => this.release(), { capture: true });
    }
    this.announcement = document.createElement("p");
    this.announcement.className = "visually-hidden";
    this.announcement.setAttribute("role", "status");
    charts.root.after(this.announcement);
  }

  /** @param {MouseEvent} event */
  click(event) {
    const button = /** @type {HTMLElement} */ (event.target).closest("button");
    if (!button) return;
    const { x } = button.dataset;
    if (x) this.charts.setView({ axis: /** @type {View["axis"]} */ (x) });
    if ("log" in button.dataset) this.charts.setView({ log: !this.charts.view.log });
    if ("whole" in button.dataset) this.charts.setView({ range: null });
  }

  /**
   * Show the view in the buttons.
   * @param {View} view
   */
  showView({ axis, log, range }) {
    const { root } = this.charts;
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-x]"))) {
      button.setAttribute("aria-pressed", String(button.dataset.x === axis));
    }
    root.querySelector("[data-log]")?.setAttribute("aria-pressed", String(log));
    const whole = /** @type {HTMLElement | null} */ (root.querySelector("[data-whole]"));
    if (whole) whole.hidden = !range;
  }

  /** @param {Card} card */
  listen(card) {
    const { plot } = card;
    if (!plot) return;
    card.interactive = true;
    zoomByTouch(plot);
    plot.addEventListener("mousedown", (event) => this.press(event), { capture: true });
    plot.addEventListener("keydown", (event) => this.key(event, card));
    plot.addEventListener("blur", () => this.unhover());
  }

  /** @param {MouseEvent} event */
  press(event) {
    if (/** @type {Element} */ (event.target).closest(".modebar, button")) return;
    this.dragging = true;
    // The browser counts the clicks; Plotly counts by its own clock, which is late on a busy page.
    if (event.detail !== 2) return;
    clearTimeout(this.zoomTimer ?? undefined);
    this.zoomTimer = null;
    if (this.charts.view.range) this.charts.setView({ range: null });
  }

  /** Whether somebody drags, or has just let go in a window that is not yet the view's. */
  get busy() {
    return this.dragging || this.zoomTimer !== null;
  }

  release() {
    if (!this.dragging) return;
    this.dragging = false;
    this.charts.schedule();
  }

  /**
   * Listen to what Plotly says about a card's canvas.
   * @param {import("./plotly.js").Plotly} Plotly
   * @param {Card} card
   */
  attach(Plotly, card) {
    if (card.wired === card.canvas) return;
    card.wired = card.canvas;
    this.Plotly = Plotly;
    card.canvas?.on?.("plotly_relayout", (change) => this.relayout(change));
    card.canvas?.on?.("plotly_hover", (event) => this.hover(card, event.points[0]?.x));
    card.canvas?.on?.("plotly_unhover", () => this.unhover(card));
  }

  /** @param {Record<string, any>} change */
  relayout(change) {
    /** @type {(number | undefined)[]} */
    const [from, to] = change["xaxis.range"] ?? [change["xaxis.range[0]"], change["xaxis.range[1]"]];
    if (from === undefined || to === undefined) return;
    const range = rounded([Math.min(from, to), Math.max(from, to)], this.charts.view.axis);
    clearTimeout(this.zoomTimer ?? undefined);
    this.zoomTimer = setTimeout(() => {
      this.zoomTimer = null;
      this.charts.setView({ range });
    }, ZOOM_DELAY);
  }

  /**
   * The crosshair stands at the same x in all charts on screen.
   * @param {Card} from
   * @param {number | undefined} x
   */
  hover(from, x) {
    if (this.ownHover || x === undefined) return;
    cancelAnimationFrame(this.hoverFrame);
    this.hoverFrame = requestAnimationFrame(() => this.showCrosshair(this.others(from), x, true));
  }

  /**
   * Put the crosshair of cards at an x, with all words or the values only.
   * @param {Card[]} cards
   * @param {number} x
   * @param {boolean} brief
   */
  showCrosshair(cards, x, brief) {
    this.ownHover = true;
    hoverMode.brief = brief;
    for (const { canvas } of cards) if (canvas) this.Plotly?.Fx.hover(canvas, { xval: x });
    this.ownHover = hoverMode.brief = false;
  }

  /** @param {Card} [from] */
  unhover(from) {
    if (this.ownHover || !this.Plotly) return;
    cancelAnimationFrame(this.hoverFrame);
    this.ownHover = true;
    for (const { canvas } of this.others(from)) if (canvas) this.Plotly.Fx.unhover(canvas);
    this.ownHover = false;
    this.cursor = null;
  }

  /** @param {Card} [from] */
  others(from) {
    return [...this.charts.cards.values()].filter((card) => card !== from && card.visible && card.canvas?.data);
  }

  /**
   * @param {KeyboardEvent} event
   * @param {Card} card
   */
  key(event, card) {
    const { shown, base } = card;
    if (!shown?.x.length || !base || event.ctrlKey || event.metaKey || event.altKey) return;
    const { view } = this.charts;
    const range = view.range ?? /** @type {Range} */ ([shown.start ?? shown.x[0], shown.x[shown.x.length - 1]]);
    const width = range[1] - range[0];
    const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (direction && event.shiftKey) {
      if (view.range) this.charts.setView({ range: moved(range, base, (direction * width) / 2) });
    } else if (direction) {
      this.moveCursor(card, range, direction);
    } else if (event.key === "+" || event.key === "=") {
      const middle = this.cursor ?? range[0] + width / 2;
      this.charts.setView({ range: zoomedIn(range, middle, shown.axis) });
    } else if (event.key === "-") {
      this.charts.setView({ range: zoomedOut(range, base) });
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
    const series = card.shown;
    if (!series) return;
    const from = this.cursor ?? (direction > 0 ? range[0] : range[1]);
    const to = from + (direction * (range[1] - range[0])) / 50;
    this.cursor = Math.min(Math.max(to, range[0]), range[1]);
    let nearest = 0;
    for (let i = 0; i < series.x.length; i++) {
      if (Math.abs(series.x[i] - this.cursor) < Math.abs(series.x[nearest] - this.cursor)) nearest = i;
    }
    this.showCrosshair([card], series.x[nearest], false);
    this.showCrosshair(this.others(card), series.x[nearest], true);
    this.announcement.textContent = `${position(series.x[nearest], series.axis)}: ${short(series.last[nearest])}`;
  }
}
