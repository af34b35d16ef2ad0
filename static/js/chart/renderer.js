/* Draws the cards that changed and are on screen, never in a hidden tab, never while somebody drags. A round and the
   browser's painting of it take at most a third of the time. */

import { draw } from "./draw.js";
import { loadPlotly } from "./plotly.js";

/** @typedef {import("./card.js").Card} Card */

const EVERY = 200; // Milliseconds from the beginning of one round to the next, at least...
const EVERY_OF_MANY = 300; // ...and with so many lines on screen that the browser's own painting takes as long as ours.
const MANY = 40;
const BREATH = 40; // Milliseconds of drawing between which the browser has its turn.
const SHARE = 3; // How many times its cost a round may take: what else comes with live points needs time too...
const LONGEST = 3000; // ...and at most these milliseconds: a tab that slept meanwhile seems to have cost much.

export class Renderer {
  /**
   * @param {import("./index.js").Charts} charts
   * @param {string} plotly address of the drawing library
   */
  constructor(charts, plotly) {
    this.charts = charts;
    this.plotly = plotly;
    this.cost = 0; // Milliseconds of the last round...
    this.painting = 0; // ...and of the frame after it.
    this.began = 0;
    this.at = 0; // When the next one begins.
    this.drawing = false;
    this.hurried = false; // Whether the next round is wanted at once.
    /** @type {ReturnType<typeof setTimeout> | null} */
    this.timer = null;
  }

  /** @param {number} [wait] milliseconds; without it the next round keeps the pace */
  schedule(wait) {
    if (this.drawing) {
      this.hurried ||= wait === 0;
      return; // The round looks at its end whether there is more to draw: two at once would keep no pace.
    }
    const now = performance.now();
    const at = wait === undefined ? Math.max(now, this.began + this.pace) : now + wait;
    if (this.timer && at >= this.at) return;
    clearTimeout(this.timer ?? undefined);
    this.at = at;
    this.timer = setTimeout(() => this.drawDue(), at - now);
  }

  async drawDue() {
    this.began = performance.now();
    this.drawing = true;
    let spent = 0;
    let breath = this.began;
    try {
      for (const card of this.charts.cards.values()) {
        if (this.paused) break;
        if (!this.isDue(card)) continue;
        const from = performance.now();
        card.dirty = false;
        await this.drawCard(card);
        if (performance.now() - breath >= BREATH) {
          // Let the browser answer the keyboard and the mouse, and show what there is.
          await new Promise((resolve) => setTimeout(resolve));
          breath = performance.now();
        }
        spent += performance.now() - from;
      }
    } finally {
      this.cost = spent;
      this.timer = null;
      this.drawing = false;
      if (spent) {
        requestAnimationFrame(() => this.measurePainting());
        this.charts.unfold();
      }
      const wait = this.hurried ? 0 : undefined;
      this.hurried = false;
      if (!this.paused && [...this.charts.cards.values()].some((card) => this.isDue(card))) this.schedule(wait);
      document.body.dispatchEvent(new CustomEvent("charts:drawn"));
    }
  }

  /** How long the browser takes for the frame that it is making. */
  measurePainting() {
    const from = performance.now();
    setTimeout(() => {
      this.painting = performance.now() - from;
    });
  }

  /** Milliseconds from the beginning of one round to the next. */
  get pace() {
    let lines = 0;
    for (const card of this.charts.cards.values()) if (card.visible) lines += card.shown.length;
    const least = lines > MANY ? EVERY_OF_MANY : EVERY;
    return Math.min(LONGEST, Math.max(least, SHARE * (this.cost + this.painting)));
  }

  get paused() {
    return document.hidden || this.charts.interactions.dragging;
  }

  /** @param {Card} card */
  isDue(card) {
    return card.dirty && card.visible && card.seriesFor(this.charts.viewOf(card)) && card.element.checkVisibility();
  }

  /** @param {Card} card */
  async drawCard(card) {
    const Plotly = await loadPlotly(this.plotly);
    const { hover } = this.charts;
    const view = this.charts.viewOf(card);
    const canvas = card.makeCanvas();
    const shown = card.linesFor(view);
    card.width = canvas?.clientWidth ?? 0;
    card.height = canvas?.clientHeight ?? 0;
    if (!canvas || !card.width || !shown) return;
    card.shown = shown;
    card.frame = await draw(Plotly, canvas, shown, view);
    card.overlay?.place(card.frame);
    card.light(this.charts.lit, view.log);
    card.describe(view);
    hover.drawn(card);
    this.charts.panels.drawn(card);
  }
}
