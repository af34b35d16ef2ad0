/* One chart on the page: its place, its data, and the words around it. */

import { count, exact, number, short } from "./format.js";

export class Card {
  constructor(element) {
    this.element = element;
    this.name = element.dataset.name;
    this.plot = element.querySelector(".plot");
    this.value = element.querySelector(".value");
    this.visible = false;
    this.base = null; // The whole run.
    this.detail = null; // The stretch that is zoomed into.
    this.dirty = false;
    this.canvas = null;
    this.fetching = false;
    this.meanwhile = []; // Live columns that came while an answer was under way, which may be older than they are.
  }

  /* What to draw; until the detail has come, the whole is shown through the window of the zoom. */
  get series() {
    return this.detail ?? this.base;
  }

  forget() {
    this.base = this.detail = null;
    this.giveUp();
  }

  expect() {
    this.fetching = true;
  }

  /* No answer will come. After a failure nothing is asked for a while, unless somebody does. */
  giveUp(wait = 0) {
    this.fetching = false;
    this.meanwhile = [];
    this.restUntil = performance.now() + wait;
  }

  /* Whether the server should draw it anew. */
  get worn() {
    return Boolean(this.base?.worn) && !this.fetching && !(performance.now() < this.restUntil);
  }

  /* New data, to which is added what it does not know yet. */
  fill(base, detail) {
    this.base = base;
    this.detail = detail;
    this.fetching = false;
    for (const live of this.meanwhile.splice(0)) for (const series of [base, detail]) series?.append(live);
    this.dirty = base !== null;
  }

  append(live) {
    this.tell(live.values[live.values.length - 1]);
    if (this.fetching) this.meanwhile.push(live);
    const more = [this.base, this.detail].map((series) => series?.append(live) ?? 0);
    if (more[0] || more[1]) this.dirty = true;
  }

  tell(value) {
    this.value.textContent = short(value);
    this.value.title = this.value.value = exact(value);
    this.value.toggleAttribute("data-odd", !Number.isFinite(number(value)));
  }

  /* The element that Plotly draws into; the numbers that stood there make room. */
  place() {
    if (!this.canvas) {
      this.canvas = document.createElement("div");
      this.canvas.className = "canvas";
      this.plot.replaceChildren(this.canvas);
    }
    return this.canvas;
  }

  say(text, again) {
    if (this.canvas) return;
    const message = document.createElement("div");
    message.className = "message";
    message.append(text);
    if (again) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "try again";
      button.addEventListener("click", again);
      message.append(button);
    }
    this.plot.replaceChildren(message);
  }

  /* How much of the truth the line shows. */
  describe(view) {
    const mark = this.element.querySelector(".exactness");
    const { series } = this;
    if (view.range && !series.total) {
      mark.textContent = "no points in this range";
      mark.title = "the line goes on to the points on either side of the range";
      return;
    }
    const parts = [series.exact ? "exact" : `${count(series.x.length)} of ${count(series.total)} points`];
    const low = view.log ? series.last.filter((value) => value !== null && value <= 0).length : 0;
    if (low) parts.push(`${count(low)} not above 0`);
    if (series.bad.length) parts.push(`${count(series.bad.length)} not finite`);
    mark.textContent = parts.join(" · ");
    mark.title = series.exact
      ? `all ${count(series.total)} points are drawn`
      : "the line is the last value of each bucket, the band its least and greatest";
  }
}
