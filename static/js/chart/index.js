/* The charts of a page: which are on screen, in which view, and what live points mean for them.

   Only what is near the view is filled in, fetched and drawn. */

import { read, write } from "../url-state.js";
import { Asker } from "./asker.js";
import { Card, complete } from "./card.js";
import { Hand } from "./hand.js";
import { Painter } from "./painter.js";
import { Source } from "./source.js";

const KEPT = 48; // Charts that stay drawn out of the view.

export function start(root) {
  new Charts(root).adopt();
}

class Charts {
  constructor(root) {
    const { source, plotly, hue, dashed } = root.dataset;
    this.root = root;
    this.cards = new Map();
    this.left = new Set(); // Cards that are drawn and out of the view, the one that left first at first.
    this.view = viewOfAddress();
    this.asker = new Asker(this, new Source(source), plotly);
    this.painter = new Painter(this, { hue, dashed: Boolean(dashed) }, plotly);
    this.hand = new Hand(this);
    this.seen = new IntersectionObserver((entries) => this.appear(entries), { rootMargin: "240px 0px" });
    this.sized = new ResizeObserver((entries) => this.resized(entries));
    this.summaryOld = Boolean(root.querySelector("#summary[data-later]"));
    this.listen();
  }

  listen() {
    document.body.addEventListener("live:metrics", (event) => this.take(event.detail));
    document.body.addEventListener("live:resync", () => this.resync());
    document.body.addEventListener("live:run", () => this.summaryOld && this.summarise());
    this.root.addEventListener("toggle", () => this.summaryOld && this.summarise(), { capture: true });
    document.addEventListener("theme:change", () => this.redraw());
    document.addEventListener("visibilitychange", () => document.hidden || this.schedule());
    document.addEventListener("htmx:before:swap", ({ detail }) => detail.tasks.forEach((task) => this.keep(task.fragment)));
    document.addEventListener("htmx:after:settle", () => this.adopt());
  }

  /* Take charge of the cards that are new on the page, and of none that has left it. */
  adopt() {
    for (const [name, card] of this.cards) if (!card.element.isConnected) this.cards.delete(name);
    for (const element of this.root.querySelectorAll(".chart")) {
      if (this.cards.has(element.dataset.name)) continue;
      const card = new Card(element);
      this.cards.set(card.name, card);
      this.seen.observe(element);
    }
    this.hand.show(this.view);
  }

  /* Cards that were filled in stay so where the server sends their bare form. */
  keep(fragment) {
    for (const element of fragment?.querySelectorAll(".chart") ?? []) {
      if (this.cards.get(element.dataset.name)?.plot) complete(element);
    }
  }

  of(element) {
    return this.cards.get(element.closest(".chart")?.dataset.name);
  }

  appear(entries) {
    for (const { target, isIntersecting } of entries) {
      const card = this.of(target);
      if (!card) continue;
      card.visible = isIntersecting;
      this.left.delete(card);
      if (isIntersecting) this.show(card);
      else if (card.canvas) this.left.add(card);
    }
    // What was seen long ago is let go of, or a walk through a thousand charts would fill the memory.
    for (const card of this.left) {
      if (this.left.size <= KEPT) break;
      this.left.delete(card);
      card.clear();
    }
  }

  show(card) {
    if (!card.held) {
      complete(card.element);
      this.sized.observe(card.plot);
      this.hand.hold(card);
    }
    card.cut(this.view);
    if (card.needs(this.view)) this.asker.want(card);
    if (card.dirty) this.schedule();
  }

  resized(entries) {
    for (const { target } of entries) {
      const card = this.of(target);
      if (card?.canvas && card.canvas.clientWidth !== card.width) card.dirty = true;
    }
    this.schedule();
  }

  /* Live points: kept at once, drawn soon. */
  take(message) {
    let strangers = false;
    for (const [name, live] of Object.entries(message.series)) {
      const card = this.cards.get(name);
      if (!card) strangers = true;
      else card.append(live, this.view);
      if (!card?.visible && card?.base?.worn) card.forget();
      if (card?.visible && card.needs(this.view)) this.asker.want(card);
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

  /* Change the x axis, the scale or the window. What is under way for another window is given up. */
  look(changes) {
    const axisChanged = changes.axis !== undefined && changes.axis !== this.view.axis;
    this.view = { ...this.view, ...changes, ...(axisChanged ? { range: null } : {}) };
    const { axis, log, range } = this.view;
    write({ x: axis === "step" ? null : axis, log: log ? "1" : null, min: range?.[0], max: range?.[1] });
    this.hand.show(this.view);
    if (axisChanged) for (const card of this.cards.values()) card.forget();
    if (axisChanged || "range" in changes) this.asker.stop();
    this.refresh();
  }

  /* The server says that what is here is no longer the whole. */
  resync() {
    this.asker.stop();
    for (const card of this.cards.values()) card.stale = true;
    this.refresh();
  }

  refresh() {
    for (const card of this.cards.values()) if (card.visible) this.show(card);
    this.redraw();
  }

  redraw() {
    for (const card of this.cards.values()) card.dirty = card.base !== null;
    this.schedule(0);
  }

  schedule(wait) {
    this.painter.schedule(wait);
  }
}

function viewOfAddress() {
  const axis = ["time", "relative"].find((one) => one === read("x")) ?? "step";
  const [low, high] = [read("min"), read("max")].map((text) => (text === null ? NaN : Number(text)));
  return { axis, log: read("log") === "1", range: low < high ? [low, high] : null };
}
