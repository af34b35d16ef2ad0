/* What a hand does with the charts: choose the axis and the scale, zoom by dragging or by key, move the crosshair. */

import { hover } from "./draw.js";
import { place, short } from "./format.js";
import { follow } from "./touch.js";

export class Hand {
  constructor(charts) {
    this.charts = charts;
    this.dragging = false;
    this.echo = false;
    charts.root.addEventListener("click", (event) => this.click(event));
    for (const end of ["mouseup", "pointerup", "pointercancel", "blur"]) addEventListener(end, () => this.release(), { capture: true });
    this.voice = document.createElement("p");
    this.voice.className = "visually-hidden";
    this.voice.setAttribute("role", "status");
    charts.root.after(this.voice);
  }

  click(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.x) this.charts.look({ axis: button.dataset.x });
    if ("log" in button.dataset) this.charts.look({ log: !this.charts.view.log });
    if ("whole" in button.dataset) this.charts.look({ range: null });
  }

  /* Show the view in the buttons. */
  show({ axis, log, range }) {
    for (const button of this.charts.root.querySelectorAll("[data-x]")) {
      button.setAttribute("aria-pressed", String(button.dataset.x === axis));
    }
    this.charts.root.querySelector("[data-log]")?.setAttribute("aria-pressed", String(log));
    const whole = this.charts.root.querySelector("[data-whole]");
    if (whole) whole.hidden = !range;
  }

  hold(card) {
    card.held = true;
    follow(card.plot);
    card.plot.addEventListener("mousedown", (event) => this.press(event), { capture: true });
    card.plot.addEventListener("keydown", (event) => this.key(event, card));
    card.plot.addEventListener("blur", () => this.unhover());
  }

  press(event) {
    if (event.target.closest(".modebar, button")) return;
    this.dragging = true;
    // The browser counts the clicks; Plotly counts by its own clock, which is late on a busy page.
    if (event.detail !== 2) return;
    clearTimeout(this.pause);
    this.pause = null;
    if (this.charts.view.range) this.charts.look({ range: null });
  }

  /* Whether the charts are held, or have just been let go in a window that is not yet the view's. */
  get busy() {
    return this.dragging || Boolean(this.pause);
  }

  release() {
    if (!this.dragging) return;
    this.dragging = false;
    this.charts.schedule();
  }

  attach(Plotly, card) {
    if (card.wired === card.canvas) return;
    card.wired = card.canvas;
    this.Plotly = Plotly;
    card.canvas.on("plotly_relayout", (change) => this.relayout(change));
    card.canvas.on("plotly_hover", (event) => this.hover(card, event.points[0]?.x));
    card.canvas.on("plotly_unhover", () => this.unhover(card));
  }

  relayout(change) {
    const ends = change["xaxis.range"] ?? [change["xaxis.range[0]"], change["xaxis.range[1]"]];
    if (ends[0] === undefined || ends[1] === undefined) return;
    const range = tidy(ends.map(toNumber).sort((a, b) => a - b), this.charts.view.axis);
    clearTimeout(this.pause);
    this.pause = setTimeout(() => {
      this.pause = null;
      this.charts.look({ range });
    }, 150);
  }

  /* The crosshair stands at the same x in all charts on screen. */
  hover(from, x) {
    if (this.echo || x === undefined) return;
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      this.point(this.others(from), toNumber(x), true);
    });
  }

  /* Put the crosshair of cards at an x, with all words or the values only. */
  point(cards, x, brief) {
    this.echo = true;
    hover.brief = brief;
    for (const card of cards) this.Plotly.Fx.hover(card.canvas, { xval: x });
    this.echo = hover.brief = false;
  }

  unhover(from) {
    if (this.echo || !this.Plotly) return;
    cancelAnimationFrame(this.frame);
    this.echo = true;
    for (const card of this.others(from)) this.Plotly.Fx.unhover(card.canvas);
    this.echo = false;
    this.at = null;
  }

  others(from) {
    return [...this.charts.cards.values()].filter((card) => card !== from && card.visible && card.canvas?.data);
  }

  key(event, card) {
    const series = card.shown;
    if (!series?.x.length || event.ctrlKey || event.metaKey || event.altKey) return;
    const range = this.charts.view.range ?? [series.start, series.x[series.x.length - 1]];
    const width = range[1] - range[0];
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by && event.shiftKey) {
      if (this.charts.view.range) this.charts.look({ range: moved(range, card.base, (by * width) / 2) });
    } else if (by) {
      this.step(card, range, by);
    } else if (event.key === "+" || event.key === "=") {
      const middle = this.at ?? range[0] + width / 2;
      const low = Math.max(range[0], middle - width / 4);
      this.charts.look({ range: tidy([low, low + width / 2], series.axis) });
    } else if (event.key === "-") {
      this.charts.look({ range: wider(range, card.base, width) });
    } else {
      return;
    }
    event.preventDefault();
  }

  /* Move the crosshair by a fiftieth of what is shown, and say what stands there. */
  step(card, range, by) {
    const from = this.at ?? (by > 0 ? range[0] : range[1]);
    this.at = Math.min(Math.max(from + (by * (range[1] - range[0])) / 50, range[0]), range[1]);
    const series = card.shown;
    let nearest = 0;
    series.x.forEach((x, i) => {
      if (Math.abs(x - this.at) < Math.abs(series.x[nearest] - this.at)) nearest = i;
    });
    this.point([card], series.x[nearest], false);
    this.point(this.others(card), series.x[nearest], true);
    this.voice.textContent = `${place(series.x[nearest], series.axis)}: ${short(series.last[nearest])}`;
  }
}

/* Ends that are short in the address and lie no further apart than they were. */
function tidy([low, high], axis) {
  if (axis === "relative") return [Number(low.toFixed(6)), Number(high.toFixed(6))];
  const whole = [Math.ceil(low), Math.floor(high)];
  return whole[0] < whole[1] ? whole : [Math.floor(low), Math.ceil(high)];
}

/* Twice the window; the whole run once that is nearly reached. */
function wider([low, high], series, width) {
  if (2.1 * width >= series.x[series.x.length - 1] - series.start) return null;
  return moved([low - width / 2, high + width / 2], series, 0);
}

/* The window further along, but not beyond the run. */
function moved([low, high], { axis, start, x }, by) {
  const within = Math.max(Math.min(by, x[x.length - 1] - high), start - low);
  return tidy([low + within, high + within], axis);
}

/* Plotly gives dates as text without a zone, which is UTC. */
function toNumber(value) {
  return typeof value === "number" ? value : Date.parse(value.replace(" ", "T") + "Z");
}
