/* The charts of a page: which are on screen, in which view, and what live points mean for them.

   Only what is near the view is filled in, fetched and drawn, and only what is in it follows live points. */

import { watch } from "../live.js";
import { read, write } from "../url-state.js";
import { ChartApi } from "./api.js";
import { Card } from "./card.js";
import { Controls } from "./controls.js";
import { Hover } from "./hover.js";
import { Interactions } from "./interactions.js";
import { unfold } from "./later.js";
import { Loader } from "./loader.js";
import { Panels } from "./panels/index.js";
import { loadPlotlyEarly } from "./plotly.js";
import { Renderer } from "./renderer.js";
import { complete } from "./title.js";
import { ownAxis, parametersOf, viewFrom, viewOver } from "./view.js";

/** @typedef {import("./line.js").DrawnRun} DrawnRun */
/** @typedef {import("./series.js").LiveMetrics} LiveMetrics */
/** @typedef {import("./view.js").PageView} PageView */

const MAX_HIDDEN = 48; // Charts that stay drawn out of the view.

/** @param {HTMLElement} root */
export function start(root) {
  new Charts(root).adopt();
  raise("charts:started");
}

export class Charts {
  /** @param {HTMLElement} root */
  constructor(root) {
    const { source = "", plotly = "", runs = "[]", only = "" } = root.dataset;
    this.root = root;
    /** @type {Map<string, Card>} */
    this.cards = new Map();
    /** @type {Set<Card>} that are drawn and out of the view, the one that left first at first */
    this.hidden = new Set();
    this.runsAttribute = runs;
    /** @type {DrawnRun[]} */
    this.runs = JSON.parse(runs);
    this.isLed = false; // Whether a list of runs says what is drawn, instead of the server.
    this.watched = ""; // The ids of the runs whose live points arrive.
    /** @type {number | null} the run whose lines are in front */
    this.lit = null;
    this.view = viewFrom(read);
    this.ownAxesAttribute = "";
    /** @type {Map<string, string>} by metric the one that it is drawn over as long as nobody chose an axis */
    this.ownAxes = new Map();
    this.only = new RegExp(only, "i"); // Of the names of metrics that have their charts here.
    loadPlotlyEarly(plotly);
    this.loader = new Loader(this, new ChartApi(source), plotly);
    this.renderer = new Renderer(this, plotly);
    this.hover = new Hover(this);
    this.interactions = new Interactions(this);
    this.controls = new Controls(this);
    this.panels = new Panels(this);
    this.visibility = new IntersectionObserver((entries) => this.visibilityChanged(entries), {
      rootMargin: "240px 0px",
    });
    this.views = new IntersectionObserver((entries) => this.viewChanged(entries));
    this.sizes = new ResizeObserver((entries) => this.sizeChanged(entries));
    /** @type {ReturnType<typeof setTimeout> | null} */
    this.sectionsTimer = null;
    this.listen();
  }

  listen() {
    document.body.addEventListener("live:metrics", ({ detail }) => this.append(detail));
    document.body.addEventListener("live:resync", ({ detail }) => this.resync(detail?.run_id));
    document.body.addEventListener("runs:drawn", ({ detail }) => {
      this.isLed = true;
      this.setRuns(detail.runs);
      this.renewSections(0);
    });
    document.body.addEventListener("runs:lit", ({ detail }) => this.showLit(detail.id));
    document.addEventListener("theme:change", () => this.redraw());
    document.addEventListener("visibilitychange", () => document.hidden || this.schedule());
    document.addEventListener("htmx:before:swap", ({ detail }) => {
      for (const { fragment } of detail.tasks) {
        if (fragment) unfold(fragment);
        this.completeAgain(fragment);
        this.panels.board.prepare(fragment);
      }
    });
    document.addEventListener("htmx:after:settle", () => this.adopt());
  }

  /** Take charge of the cards that are new on the page, and let go of those that have left it. */
  adopt() {
    const { runs = "[]" } = this.root.dataset;
    if (runs !== this.runsAttribute && !this.isLed) this.setRuns(JSON.parse(runs));
    this.runsAttribute = runs;
    this.readOwnAxes();
    for (const [name, card] of this.cards) if (!card.element.isConnected) this.cards.delete(name);
    for (const element of /** @type {NodeListOf<HTMLElement>} */ (this.root.querySelectorAll(".chart"))) {
      const known = this.cards.get(element.dataset.name ?? "");
      if (known) {
        this.renew(known);
        continue;
      }
      this.add(element);
    }
    this.panels.full.adopted();
    this.controls.show(this.view);
  }

  /** What the scripts say of their metrics' axes may be something else than before. */
  readOwnAxes() {
    const { ownAxes = "{}" } = this.root.dataset;
    if (ownAxes === this.ownAxesAttribute) return;
    this.ownAxesAttribute = ownAxes;
    this.withNewAxes(() => {
      this.ownAxes = new Map(Object.entries(JSON.parse(ownAxes)));
    });
  }

  /** What a card shows. @param {Card} card */
  viewOf({ spec }) {
    return viewOver(this.view, ownAxis(spec.metrics, this.ownAxes));
  }

  /** Cards whose axis is another one afterwards have to be fetched anew. @param {() => void} change */
  withNewAxes(change) {
    const before = new Map([...this.cards.values()].map((card) => [card, this.viewOf(card).axis]));
    change();
    for (const [card, axis] of before) if (this.viewOf(card).axis !== axis) card.forget();
    for (const card of before.keys()) if (card.visible) this.show(card);
  }

  /** The charts that came as data take their places now. */
  unfold() {
    if (unfold(this.root)) this.adopt();
  }

  /** @param {HTMLElement} element */
  add(element) {
    const card = new Card(element, this.runs);
    this.cards.set(card.name, card);
    this.visibility.observe(element);
    this.views.observe(element);
    return card;
  }

  /** @param {Card} card */
  renew(card) {
    if (!card.renew()) return;
    card.setRuns(this.runs);
    if (card.visible) this.show(card);
    this.schedule(0);
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

  /** @param {IntersectionObserverEntry[]} entries */
  viewChanged(entries) {
    for (const { target, isIntersecting } of entries) {
      const card = this.cardOf(target);
      if (!card) continue;
      card.inView = isIntersecting;
      card.catchUp();
      if (card.dirty) this.schedule(0);
    }
  }

  /** @param {Card} card */
  show(card) {
    if (!card.interactive) {
      complete(card.element);
      if (card.plot) this.sizes.observe(card.plot);
      this.interactions.listen(card);
    }
    for (const line of card.lines) line.cut(this.viewOf(card));
    this.loader.request(card);
    if (card.dirty) this.schedule();
  }

  /** @param {ResizeObserverEntry[]} entries */
  sizeChanged(entries) {
    for (const { target } of entries) {
      const card = this.cardOf(target);
      const { clientWidth: width, clientHeight: height } = card?.canvas ?? {};
      if (card?.canvas && (width !== card.width || height !== card.height)) card.dirty = true;
    }
    this.schedule();
  }

  /**
   * Draw these runs and no others.
   * @param {DrawnRun[]} runs
   */
  setRuns(runs) {
    this.runs = runs;
    if (this.lit !== null && !runs.some(({ id }) => id === this.lit)) this.lit = null;
    this.hover.hide();
    for (const card of this.cards.values()) card.setRuns(runs);
    this.refresh();
  }

  /**
   * Bring a run to the front in all charts, and say so to the list of runs; null for none.
   * @param {number | null} id
   */
  light(id) {
    if (id === this.lit) return;
    this.showLit(id);
    raise("runs:lit", { id });
  }

  /** @param {number | null} id */
  showLit(id) {
    if (id === this.lit) return;
    this.lit = id;
    for (const card of this.cards.values()) if (card.visible) card.light(id, this.view.log);
  }

  /**
   * Ask the list of runs for a run alone.
   * @param {number | undefined} id
   */
  isolate(id) {
    if (id !== undefined) raise("runs:alone", { id });
  }

  /** Whether a line still belongs to the page. @param {import("./line.js").Line} line */
  isShown({ card, run }) {
    return card.element.isConnected && this.runs.includes(run);
  }

  /** Data came: draw them, and hear of the points that come after them. */
  loaded() {
    this.schedule(0);
    const { lastIds } = this.loader.api;
    const ids = new Set(this.runs.flatMap(({ id, members }) => members ?? [id]));
    for (const id of Object.keys(lastIds)) if (!ids.has(Number(id))) delete lastIds[Number(id)];
    const watched = Object.keys(lastIds).join();
    if (watched !== this.watched) watch({ ...lastIds });
    this.watched = watched;
    this.panels.loaded();
  }

  /**
   * Live points: kept at once, drawn soon.
   * @param {LiveMetrics} message
   */
  append({ run_id: runId, series }) {
    if (!this.runs.some(({ id, members }) => id === runId || members?.includes(runId))) return;
    this.unfold();
    const known = new Set();
    for (const card of this.cards.values()) {
      for (const metric of card.spec.metrics) {
        known.add(metric);
        if (series[metric]) this.appendTo(card, runId, metric, series[metric]);
      }
    }
    if (Object.keys(series).some((metric) => !known.has(metric) && this.only.test(metric))) this.renewSections();
    this.schedule();
  }

  /**
   * @param {Card} card
   * @param {number} runId
   * @param {string} metric
   * @param {import("./series.js").LiveColumns} live
   */
  appendTo(card, runId, metric, live) {
    card.append(runId, metric, live, this.viewOf(card));
    if (card.visible) this.loader.request(card);
    else for (const line of card.lines) if (line.base?.needsRefetch) line.forget();
  }

  /** There are metrics that the page does not know yet: fetch the sections, at most twice a second. */
  renewSections(wait = this.cards.size ? 500 : 0) {
    this.sectionsTimer ??= setTimeout(() => {
      this.sectionsTimer = null;
      // What is drawn, and so which metrics there are, may be others than when the page was opened.
      const { pathname } = new URL(this.root.getAttribute("hx-get") ?? "", location.href);
      this.root.setAttribute("hx-get", pathname + location.search);
      raise("charts:new");
    }, wait);
  }

  /**
   * Change the x axis, the scale or the window. What is under way for another window is given up.
   * @param {Partial<PageView>} changes
   */
  setView(changes) {
    // Steps are what charts have anyway: an address names them only where some have not.
    if (changes.axis === "step" && !this.ownAxes.size) changes.axis = null;
    const axisChanged = changes.axis !== undefined && changes.axis !== this.view.axis;
    const whole = { range: null, along: changes.axis ?? "step" };
    this.withNewAxes(() => {
      this.view = { ...this.view, ...changes, ...(axisChanged ? whole : {}) };
    });
    write(parametersOf(this.view));
    this.controls.show(this.view);
    if (axisChanged || "range" in changes) this.loader.cancel();
    this.refresh();
  }

  /**
   * Show a part of what a card shows, in all that have its axis; null for the whole.
   * @param {Card} card
   * @param {import("./ticks.js").Range | null} range
   */
  zoom(card, range) {
    this.setView({ range, along: this.viewOf(card).axis });
  }

  /**
   * The server says that what is here of a run, or of all, is no longer the whole.
   * @param {number} [runId]
   */
  resync(runId) {
    this.loader.cancel();
    for (const card of this.cards.values()) {
      for (const line of card.lines) line.stale ||= runId === undefined || line.run.id === runId;
    }
    this.refresh();
  }

  refresh() {
    for (const card of this.cards.values()) if (card.visible) this.show(card);
    this.redraw();
  }

  redraw() {
    for (const card of this.cards.values()) card.dirty = card.hasData || card.shown.length > 0;
    this.schedule(0);
  }

  /** @param {number} [wait] milliseconds */
  schedule(wait) {
    this.renderer.schedule(wait);
  }
}

/**
 * @param {string} name
 * @param {unknown} [detail]
 */
function raise(name, detail) {
  document.body.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
}
