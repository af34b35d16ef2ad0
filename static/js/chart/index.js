/* The charts of a page: which are on screen, what they need, when they are drawn.

   Only what is on screen is fetched and drawn. Live points are kept and drawn at most every max(200 ms, twice what the
   last round cost), never in a hidden tab, never while somebody drags. */

import { read, write } from "../url-state.js";
import { Card } from "./card.js";
import { Source } from "./data.js";
import { draw, loadPlotly } from "./draw.js";
import { Hand } from "./hand.js";

const AT_ONCE = 16; // Names of one request.
const WHOLE = 600; // Buckets: more than a chart has pixels across.
const DETAIL = 1500; // More where somebody looks closely, as the line is exact the sooner.

export function start(root) {
  new Charts(root).adopt();
}

class Charts {
  constructor(root) {
    this.root = root;
    this.source = new Source(root.dataset.source);
    this.style = { hue: root.dataset.hue, dashed: Boolean(root.dataset.dashed) };
    this.cards = new Map();
    this.view = viewOfAddress();
    this.wanted = new Set();
    this.stop = new AbortController();
    this.cost = 0;
    this.began = 0;
    this.hand = new Hand(this);
    this.seen = new IntersectionObserver((entries) => this.appear(entries), { rootMargin: "240px 0px" });
    this.sized = new ResizeObserver((entries) => this.resized(entries));
    this.listen();
  }

  listen() {
    document.body.addEventListener("live:metrics", (event) => this.take(event.detail));
    document.body.addEventListener("live:resync", () => this.again());
    document.body.addEventListener("live:run", () => this.summaryOld && this.summarise());
    this.root.addEventListener("toggle", () => this.summaryOld && this.summarise(), { capture: true });
    document.addEventListener("theme:change", () => this.redraw());
    document.addEventListener("visibilitychange", () => document.hidden || this.schedule());
    document.addEventListener("htmx:after:settle", () => this.adopt());
  }

  /* Take charge of the cards that are new on the page, and of none that has left it. */
  adopt() {
    for (const [name, card] of this.cards) {
      if (card.element.isConnected) continue;
      this.cards.delete(name);
    }
    for (const element of this.root.querySelectorAll(".chart")) {
      if (this.cards.has(element.dataset.name)) continue;
      const card = new Card(element);
      this.cards.set(card.name, card);
      this.seen.observe(element);
      this.sized.observe(card.plot);
      this.hand.hold(card);
    }
    this.hand.show(this.view);
  }

  of(element) {
    return this.cards.get(element.closest(".chart")?.dataset.name);
  }

  appear(entries) {
    for (const { target, isIntersecting } of entries) {
      const card = this.of(target);
      if (!card) continue;
      card.visible = isIntersecting;
      if (isIntersecting && (!card.base || card.worn)) this.want(card);
      if (isIntersecting && card.dirty) this.schedule();
    }
  }

  resized(entries) {
    for (const { target } of entries) {
      const card = this.of(target);
      if (card?.canvas && card.canvas.clientWidth !== card.width) card.dirty = true;
    }
    this.schedule();
  }

  /* Ask for a card's data together with that of its neighbours. */
  want(card) {
    this.wanted.add(card);
    card.expect();
    this.asking ??= setTimeout(() => {
      this.asking = null;
      const cards = [...this.wanted].filter((one) => one.visible && one.element.isConnected);
      for (const card of this.wanted) if (!cards.includes(card)) card.giveUp();
      this.wanted.clear();
      for (let i = 0; i < cards.length; i += AT_ONCE) this.fetch(cards.slice(i, i + AT_ONCE));
    }, 20);
  }

  async fetch(cards) {
    const { view, stop } = this;
    const window = { axis: view.axis, range: null };
    try {
      const asked = [this.source.fetch(namesOf(cards), window, WHOLE, stop.signal)];
      if (view.range) asked.push(this.source.fetch(namesOf(cards), view, DETAIL, stop.signal));
      const [whole, detail] = await Promise.all([...asked, loadPlotly(this.root.dataset.plotly)]);
      if (!stop.signal.aborted) this.fill(cards, whole, view.range ? detail : []);
    } catch (error) {
      if (error.name === "AbortError") return;
      for (const card of cards) {
        card.giveUp(5000);
        card.say(`not drawn: ${error.message}`, () => this.want(card));
      }
    }
  }

  fill(cards, whole, detail) {
    const find = (list, name) => list.find((one) => one.name === name) ?? null;
    for (const card of cards) {
      const base = find(whole, card.name);
      // What is here as a whole is cut here, with the neighbours of the range.
      const cut = this.view.range && base?.exact ? base.within(this.view.range) : find(detail, card.name);
      card.fill(base, cut);
    }
    this.schedule(0);
  }

  /* Live points: kept at once, drawn soon. */
  take(message) {
    let strangers = false;
    for (const [name, live] of Object.entries(message.series)) {
      const card = this.cards.get(name);
      if (!card) strangers = true;
      else card.append(live);
      if (card?.worn && card.visible) this.want(card);
    }
    if (strangers) this.invite();
    this.summarise();
    this.schedule();
  }

  /* A metric that the page does not know yet: ask for the sections anew, at most twice a second. */
  invite() {
    this.inviting ??= setTimeout(() => {
      this.inviting = null;
      document.body.dispatchEvent(new CustomEvent("charts:new", { bubbles: true }));
    }, this.cards.size ? 500 : 0);
  }

  /* The table of all values follows with the charts, at most every two seconds, as long as it is open. */
  summarise() {
    this.summaryOld = true;
    if (!this.root.querySelector("#summary")?.checkVisibility()) return;
    const wait = Math.max(200, 2000 - (performance.now() - (this.summedAt ?? -2000)));
    this.summing ??= setTimeout(() => {
      this.summing = null;
      this.summaryOld = false;
      this.summedAt = performance.now();
      document.body.dispatchEvent(new CustomEvent("charts:summary", { bubbles: true }));
    }, wait);
  }

  /* Change the x axis, the scale or the window. What is under way for the old view is given up. */
  look(changes) {
    const axisChanged = changes.axis !== undefined && changes.axis !== this.view.axis;
    this.view = { ...this.view, ...changes, ...(axisChanged ? { range: null } : {}) };
    const { axis, log, range } = this.view;
    write({ x: axis === "step" ? null : axis, log: log ? "1" : null, min: range?.[0], max: range?.[1] });
    this.hand.show(this.view);
    if (axisChanged) for (const card of this.cards.values()) card.forget();
    for (const card of this.cards.values()) card.detail = null;
    this.again(axisChanged || "range" in changes);
  }

  again(refetch = true) {
    if (refetch) {
      this.stop.abort();
      this.stop = new AbortController();
    }
    for (const card of this.cards.values()) {
      card.dirty = card.base !== null;
      if (!refetch) continue;
      if (card.visible) this.want(card);
      else card.forget(); // Asked for when it comes on screen.
    }
    this.schedule(0);
  }

  redraw() {
    for (const card of this.cards.values()) card.dirty = card.base !== null;
    this.schedule(0);
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
      for (const card of this.cards.values()) {
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
      if (!this.resting && [...this.cards.values()].some((card) => this.due(card))) this.schedule();
    }
  }

  get resting() {
    return document.hidden || this.hand.dragging;
  }

  due(card) {
    return card.dirty && card.visible && card.series && card.element.checkVisibility();
  }

  async paint(card) {
    const Plotly = await loadPlotly(this.root.dataset.plotly);
    const canvas = card.place();
    card.width = canvas.clientWidth;
    if (!card.width || !card.series) return;
    await draw(Plotly, canvas, card.name, card.series, this.style, this.view);
    card.describe(this.view);
    if (!card.held) this.hand.attach(Plotly, card);
    // Let the browser answer the keyboard and the mouse between two charts.
    await new Promise((resolve) => setTimeout(resolve));
  }
}

function namesOf(cards) {
  return cards.map((card) => card.name);
}

function viewOfAddress() {
  const axis = ["time", "relative"].find((one) => one === read("x")) ?? "step";
  const [low, high] = [read("min"), read("max")].map((text) => (text === null ? NaN : Number(text)));
  return { axis, log: read("log") === "1", range: low < high ? [low, high] : null };
}
