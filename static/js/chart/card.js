/* One chart on the page: its place, its data, and the words around it. */

import { place } from "./data.js";
import { count, exact, number, short } from "./format.js";

/* Give a card that came with its name alone what a whole one has. */
export function complete(element) {
  if (element.querySelector(".plot")) return;
  const { name, last } = element.dataset;
  element.replaceChildren(document.getElementById("card").content.cloneNode(true));
  const title = element.querySelector("h3");
  title.title = name;
  title.append(...titled(name));
  element.querySelector(".plot").setAttribute("aria-label", `chart of ${name}`);
  tell(element.querySelector(".value"), last);
}

/* A metric's name with its group in a lighter tone. */
function titled(name) {
  const end = name.lastIndexOf("/") + 1;
  if (end < 2 || end === name.length) return [name];
  const group = document.createElement("span");
  group.append(name.slice(0, end));
  return [group, name.slice(end)];
}

function tell(place, value) {
  place.textContent = short(value);
  place.title = place.value = exact(value);
  place.toggleAttribute("data-odd", !Number.isFinite(number(value)));
}

/* NaN and infinities by name: how many there are is not known where several are one mark. */
function kindsOf(bad) {
  return [...new Set(bad.map(([, kind]) => short(kind)))].join(", ");
}

export class Card {
  constructor(element) {
    this.element = element;
    this.name = element.dataset.name;
    this.visible = false;
    this.base = null; // The whole run.
    this.detail = null; // The stretch that is zoomed into, or was.
    this.shown = null; // Whichever of them is on the screen.
    this.stale = false; // The base is no longer good, but stays until there is a better one.
    this.dirty = false;
    this.canvas = null;
    this.problem = null;
    this.fetching = false;
    this.meanwhile = []; // Live columns that came while an answer was under way, which may be older than they are.
    this.restUntil = 0;
  }

  /* What to draw: null as long as it has not come. What is on the screen stays until then. */
  best({ range }) {
    return !range || this.problem ? this.base : this.fits(range) ? this.detail : null;
  }

  fits(range) {
    return this.detail?.range[0] === range[0] && this.detail.range[1] === range[1];
  }

  get wantsBase() {
    return !this.base || this.stale || this.base.worn;
  }

  wantsDetail({ range }) {
    return range !== null && (!this.fits(range) || this.wantsBase);
  }

  needs(view) {
    return (this.wantsBase || this.wantsDetail(view)) && !this.fetching;
  }

  /* How many points there may be in a range, seen from afar. */
  pointsIn([low, high]) {
    if (!this.base) return Infinity;
    const { x, counts } = this.base;
    return counts.slice(place(x, low), place(x, high, true) + 1).reduce((sum, more) => sum + Number(more), 0);
  }

  /* Take from what is here whatever the view needs. */
  cut({ range }) {
    if (!range || this.fits(range)) return;
    const source = [this.detail, this.base].find((one) => one?.holds(range));
    if (source && !this.wantsBase) this.detail = source.within(range);
  }

  forget() {
    this.base = this.detail = null;
  }

  /* Give back what the drawing takes; when the card is seen again it is as new. */
  clear() {
    this.forget();
    window.Plotly.purge(this.canvas);
    this.canvas.remove();
    // Out of the view the browser does not lay out the card again, and would keep what was laid out last.
    this.element.style.contentVisibility = "visible";
    void this.element.offsetHeight;
    this.element.style.contentVisibility = "";
    this.canvas = this.wired = this.shown = null;
    this.dirty = false;
    this.restUntil = 0;
  }

  expect() {
    this.fetching = true;
  }

  /* There was an answer, or none will come: leave the server alone for so many milliseconds. */
  settle(rest = 0) {
    this.fetching = false;
    this.meanwhile = [];
    this.restUntil = performance.now() + rest;
  }

  /* New data, to which is added what it does not know yet; null for what was not asked for. */
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

  append(live, { range }) {
    this.follow(live);
    if (this.fetching) this.meanwhile.push(live);
    const more = [this.base, this.detail].map((series) => series?.append(live) ?? 0);
    if (more[range ? 1 : 0]) this.dirty = true;
  }

  /* The current value is that of the greatest step, of the latest to arrive among equals, as on the server. */
  follow({ steps, values }) {
    let [latest, greatest] = [null, Number(this.element.dataset.step ?? -Infinity)];
    steps.forEach((step, i) => {
      if (step >= greatest) [latest, greatest] = [i, step];
    });
    if (latest === null) return;
    this.element.dataset.step = greatest;
    this.tell(values[latest]);
  }

  get plot() {
    return this.element.querySelector(".plot");
  }

  tell(value) {
    const place = this.element.querySelector(".value");
    if (place) tell(place, value);
    else this.element.dataset.last = value;
  }

  /* The element that Plotly draws into; the numbers that stood there make room. */
  spot() {
    if (!this.canvas) {
      this.canvas = document.createElement("div");
      this.canvas.className = "canvas";
      this.plot.replaceChildren(this.canvas);
    }
    return this.canvas;
  }

  /* Say in the chart's place why there is none. */
  say(text, again) {
    this.canvas = this.shown = null;
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
    this.mark("", "");
  }

  /* An answer did not come: what is drawn stays, and is called old. */
  miss(text, again) {
    this.problem = `not up to date: ${text}`;
    this.dirty = this.base !== null;
    if (!this.canvas) this.say(`not drawn: ${text}`, again);
  }

  mark(text, title) {
    const mark = this.element.querySelector(".exactness");
    mark.textContent = text;
    mark.title = title;
    mark.toggleAttribute("data-old", this.problem !== null);
  }

  /* How much of the truth the line shows. */
  describe(view) {
    const { shown } = this;
    if (this.problem) return this.mark("not up to date", this.problem);
    if (view.range && !shown.total) {
      return this.mark("no points in this range", "the line goes on to the points on either side of the range");
    }
    const parts = [shown.exact ? "exact" : `${count(shown.x.length)} of ${count(shown.total)} points`];
    const low = view.log ? shown.last.reduce((sum, value) => sum + (value <= 0), 0) : 0;
    if (low) parts.push(`${count(low)} not above 0`);
    if (shown.bad.length) parts.push(kindsOf(shown.bad));
    return this.mark(
      parts.join(" · "),
      shown.exact
        ? `all ${count(shown.total)} points are drawn`
        : "the line is the last value of each bucket, the band its least and greatest",
    );
  }
}
