/* Draws the cards that changed and are on screen, at most every max(200 ms, twice what the last round cost), never in a
   hidden tab, never while somebody drags. */

import { draw, loadPlotly } from "./draw.js";

export class Painter {
  constructor(charts, style, plotly) {
    this.charts = charts;
    this.style = style;
    this.plotly = plotly;
    this.cost = 0;
    this.began = 0;
  }

  schedule(wait = Math.max(200, 2 * this.cost) - (performance.now() - this.began)) {
    if (this.timer && wait > 0) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.round(), Math.max(0, wait));
  }

  async round() {
    this.began = performance.now();
    let spent = 0;
    try {
      for (const card of this.charts.cards.values()) {
        if (this.resting) break;
        if (!this.due(card)) continue;
        const from = performance.now();
        card.dirty = false;
        await this.paint(card);
        spent += performance.now() - from;
      }
    } finally {
      this.cost = spent;
      this.timer = null;
      if (!this.resting && [...this.charts.cards.values()].some((card) => this.due(card))) this.schedule();
    }
  }

  get resting() {
    return document.hidden || this.charts.hand.busy;
  }

  due(card) {
    return card.dirty && card.visible && card.best(this.charts.view) && card.element.checkVisibility();
  }

  async paint(card) {
    const Plotly = await loadPlotly(this.plotly);
    const { view, hand } = this.charts;
    const canvas = card.spot();
    const series = card.best(view);
    card.width = canvas.clientWidth;
    if (!card.width || !series) return;
    card.shown = series;
    await draw(Plotly, canvas, card.name, series, this.style, view);
    card.describe(view);
    hand.attach(Plotly, card);
    // Let the browser answer the keyboard and the mouse between two charts.
    await new Promise((resolve) => setTimeout(resolve));
  }
}
