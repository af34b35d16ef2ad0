/* The charts of a page: which are on screen, in which view, and what live points mean for them.

   Only what is near the view is filled in, fetched and drawn. */

import { read, write } from "../url-state.js";
import { ChartApi } from "./api.js";
import { Card, complete } from "./card.js";
import { Interactions } from "./interactions.js";
import { Loader } from "./loader.js";
import { Renderer } from "./renderer.js";
import { parametersOf, viewFrom } from "./view.js";

/** @typedef {import("./series.js").LiveMetrics} LiveMetrics */
/** @typedef {import("./view.js").View} View */

const MAX_HIDDEN = 48; // Charts that stay drawn out of the view.
const SUMMARY_EVERY = 2000; // Milliseconds.

/** @param {HTMLElement} root */
export function start(root) {
  new Charts(root).adopt();
}

export class Charts {
  /** @param {HTMLElement} root */
  constructor(root) {
    const { source = "", plotly = "", hue = "0", dashed } = root.dataset;
    this.root = root;
    /** @type {Map<string, Card>} */
    this.cards = new Map();
    /** @type {Set<Card>} that are drawn and out of the view, the one that left first at first */
    this.hidden = new Set();
    this.view = viewFrom(read);
    this.loader = new Loader(this, new ChartApi(source), plotly);
    this.renderer = new Renderer(this, { hue, dashed: Boolean(dashed) }, plotly);
    this.interactions = new Interactions(this);
    this.visibility = new IntersectionObserver((entries) => this.visibilityChanged(entries), {
      rootMargin: "240px 0px",
    });
    this.sizes = new ResizeObserver((entries) => this.sizeChanged(entries));
    this.summaryIsOld = Boolean(root.querySelector("#summary[data-later]"));
    this.summaryRenewedAt = -SUMMARY_EVERY;
    /** @type {ReturnType<typeof setTimeout> | null} */
    this.summaryTimer = null;
    /** @type {ReturnType<typeof setTimeout> | null} */
    this.sectionsTimer = null;
    this.listen();
  }

  listen() {
    document.body.addEventListener("live:metrics", ({ detail }) => this.append(detail));
    document.body.addEventListener("live:resync", () => this.resync());
    document.body.addEventListener("live:run", () => this.summaryIsOld && this.renewSummary());
    this.root.addEventListener("toggle", () => this.summaryIsOld && this.renewSummary(), { capture: true });
    document.addEventListener("theme:change", () => this.redraw());
    document.addEventListener("visibilitychange", () => document.hidden || this.schedule());
    document.addEventListener("htmx:before:swap", ({ detail }) => {
      for (const { fragment } of detail.tasks) this.completeAgain(fragment);
    });
    document.addEventListener("htmx:after:settle", () => this.adopt());
  }

  /** Take charge of the cards that are new on the page, and let go of those that have left it. */
  adopt() {
    for (const [name, card] of this.cards) if (!card.element.isConnected) this.cards.delete(name);
    for (const element of /** @type {NodeListOf<HTMLElement>} */ (this.root.querySelectorAll(".chart"))) {
      if (this.cards.has(element.dataset.name ?? "")) continue;
      const card = new Card(element);
      this.cards.set(card.name, card);
      this.visibility.observe(element);
    }
    this.interactions.showView(this.view);
  }

  /**
   * Cards that were filled in stay so where the server sends their bare form.
   * @param {DocumentFragment | undefined} fragment
   */
  completeAgain(fragment) {
    const elements = /** @type {NodeListOf<HTMLElement> | undefined} */ (fragment?.querySelectorAll(".chart"));
    for (const element of elements ?? []) {
      if (this.cards.get(element.dataset.name ?? "")?.plot) complete(element);
    }
  }

  /** @param {Element} element */
  cardOf(element) {
    const chart = /** @type {HTMLElement | null} */ (element.closest(".chart"));
    return this.cards.get(chart?.dataset.name ?? "");
  }

  /** @param {IntersectionObserverEntry[]} entries */
  visibilityChanged(entries) {
    for (const { target, isIntersecting } of entries) {
      const card = this.cardOf(target);
      if (!card) continue;
      card.visible = isIntersecting;
      this.hidden.delete(card);
      if (isIntersecting) this.show(card);
      else if (card.canvas) this.hidden.add(card);
    }
    // What was seen long ago is let go of, or a walk through a thousand charts would fill the memory.
    for (const card of this.hidden) {
      if (this.hidden.size <= MAX_HIDDEN) break;
      this.hidden.delete(card);
      card.clear();
    }
  }

  /** @param {Card} card */
  show(card) {
    if (!card.interactive) {
      complete(card.element);
      if (card.plot) this.sizes.observe(card.plot);
      this.interactions.listen(card);
    }
    card.cut(this.view);
    if (card.needsData(this.view)) this.loader.request(card);
    if (card.dirty) this.schedule();
  }

  /** @param {ResizeObserverEntry[]} entries */
  sizeChanged(entries) {
    for (const { target } of entries) {
      const card = this.cardOf(target);
      if (card?.canvas && card.canvas.clientWidth !== card.width) card.dirty = true;
    }
    this.schedule();
  }

  /**
   * Live points: kept at once, drawn soon.
   * @param {LiveMetrics} message
   */
  append(message) {
    let unknownMetrics = false;
    for (const [name, live] of Object.entries(message.series)) {
      const card = this.cards.get(name);
      if (!card) {
        unknownMetrics = true;
        continue;
      }
      card.append(live, this.view);
      if (!card.visible && card.base?.needsRefetch) card.forget();
      if (card.visible && card.needsData(this.view)) this.loader.request(card);
    }
    if (unknownMetrics) this.renewSections();
    this.renewSummary();
    this.schedule();
  }

  /** There is a metric that the page does not know yet: fetch the sections, at most twice a second. */
  renewSections() {
    this.sectionsTimer ??= setTimeout(
      () => {
        this.sectionsTimer = null;
        document.body.dispatchEvent(new CustomEvent("charts:new", { bubbles: true }));
      },
      this.cards.size ? 500 : 0,
    );
  }

  /** The table of all values follows with the charts, at most every two seconds, as long as it is open. */
  renewSummary() {
    this.summaryIsOld = true;
    if (!this.root.querySelector("#summary")?.checkVisibility()) return;
    const wait = Math.max(200, SUMMARY_EVERY - (performance.now() - this.summaryRenewedAt));
    this.summaryTimer ??= setTimeout(() => {
      this.summaryTimer = null;
      this.summaryIsOld = false;
      this.summaryRenewedAt = performance.now();
      document.body.dispatchEvent(new CustomEvent("charts:summary", { bubbles: true }));
    }, wait);
  }

  /**
   * Change the x axis, the scale or the window. What is under way for another window is given up.
   * @param {Partial<View>} changes
   */
  setView(changes) {
    const axisChanged = changes.axis !== undefined && changes.axis !== this.view.axis;
    this.view = { ...this.view, ...changes, ...(axisChanged ? { range: null } : {}) };
    write(parametersOf(this.view));
    this.interactions.showView(this.view);
    if (axisChanged) for (const card of this.cards.values()) card.forget();
    if (axisChanged || "range" in changes) this.loader.cancel();
    this.refresh();
  }

  /** The server says that what is here is no longer the whole. */
  resync() {
    this.loader.cancel();
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

  /** @param {number} [wait] milliseconds */
  schedule(wait) {
    this.renderer.schedule(wait);
  }
}
