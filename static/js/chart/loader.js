/* Fetches what the cards need: several in one request, nothing twice, and nothing any longer that belongs to a view
   which was left. */

import { ChartError } from "./api.js";
import { loadPlotly } from "./plotly.js";

/** @typedef {import("./card.js").Card} Card */
/** @typedef {import("./series.js").Series} Series */
/** @typedef {import("./ticks.js").Range} Range */
/** @typedef {import("./view.js").View} View */
/** @typedef {Series | {error: string}} Answer */

const BATCH = 16; // Names of one request.
const BUCKETS = 600; // More than a chart has pixels across, unless it is the only one.
const DETAIL_BUCKETS = 1500; // More where somebody looks closely, as the line is exact the sooner.
const FEW = 1000; // Points of which those around are fetched as well, so that the line goes on to the edges.
const REST = 2000; // Milliseconds from an answer to the next request for a metric that goes on growing...
const REST_AFTER_FAILURE = 5000;
const REST_AFTER_DAMAGE = 60_000; // ...and for one that cannot be read.

export class Loader {
  /**
   * @param {import("./index.js").Charts} charts
   * @param {import("./api.js").ChartApi} api
   * @param {string} plotly address of the drawing library, which is loaded beside the first data
   */
  constructor(charts, api, plotly) {
    this.charts = charts;
    this.api = api;
    this.plotly = plotly;
    /** @type {Set<Card>} */
    this.queue = new Set();
    this.abort = new AbortController();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /**
   * Load a card's data together with that of its neighbours, when it has rested.
   * @param {Card} card
   * @param {boolean} now without the rest
   */
  request(card, now = false) {
    if (now) card.restUntil = 0;
    this.queue.add(card);
    this.schedule();
  }

  schedule() {
    clearTimeout(this.timer);
    const first = Math.min(...[...this.queue].map((card) => card.restUntil));
    if (this.queue.size) this.timer = setTimeout(() => this.loadDue(), Math.max(0, first - performance.now()));
  }

  loadDue() {
    const now = performance.now();
    const due = [...this.queue].filter((card) => card.restUntil <= now);
    for (const card of due) this.queue.delete(card);
    this.schedule();
    const cards = due.filter((card) => card.visible && card.element.isConnected && card.needsData(this.charts.view));
    for (let i = 0; i < cards.length; i += BATCH) this.load(cards.slice(i, i + BATCH));
  }

  /** Give up what is under way: it is for another view. */
  cancel() {
    this.abort.abort();
    this.abort = new AbortController();
    this.queue.clear();
    for (const card of this.charts.cards.values()) card.settle();
  }

  /** @param {Card[]} cards */
  async load(cards) {
    const { view } = this.charts;
    const { signal } = this.abort;
    /**
     * @param {Card[]} list
     * @param {Range | null} range
     * @param {number} points
     * @returns {Promise<Map<string, Answer>>}
     */
    const fetchCharts = async (list, range, points) => {
      if (!list.length) return new Map();
      const names = list.map((card) => card.name);
      return this.api.fetch(names, view.axis, range, points, signal);
    };
    const [sparse, dense] = splitBySparsity(
      cards.filter((card) => card.needsDetail(view)),
      view.range,
    );
    for (const card of cards) card.fetching = true;
    try {
      const [bases, sparseDetails, denseDetails] = await Promise.all([
        fetchCharts(
          cards.filter((card) => card.needsBase),
          null,
          cards.some(isWide) ? DETAIL_BUCKETS : BUCKETS,
        ),
        fetchCharts(sparse, view.range && widened(view.range), DETAIL_BUCKETS),
        fetchCharts(dense, view.range, DETAIL_BUCKETS),
        loadPlotly(this.plotly),
      ]);
      if (signal.aborted) return;
      for (const card of cards) {
        fill(card, bases.get(card.name), sparseDetails.get(card.name) ?? denseDetails.get(card.name), view);
      }
      this.charts.schedule(0);
    } catch (error) {
      if (!signal.aborted) this.failed(cards, /** @type {Error} */ (error));
    }
  }

  /**
   * What may pass is tried again by itself.
   * @param {Card[]} cards
   * @param {Error} error
   */
  failed(cards, error) {
    const lasts = error instanceof ChartError && error.lasts;
    for (const card of cards) {
      card.fail(error.message, () => this.request(card, true));
      card.settle(REST_AFTER_FAILURE);
      if (!lasts && !document.body.dataset.ended) this.request(card);
    }
    this.charts.schedule(0);
  }
}

/** @param {Card} card */
function isWide(card) {
  return (card.plot?.clientWidth ?? 0) > BUCKETS;
}

/**
 * Cards with few points around a range, and the others.
 * @param {Card[]} cards
 * @param {Range | null} range
 */
function splitBySparsity(cards, range) {
  /** @param {Card} card */
  const sparse = (card) => range !== null && !card.needsBase && card.pointsIn(widened(range)) <= FEW;
  return [cards.filter(sparse), cards.filter((card) => !sparse(card))];
}

/**
 * @param {Range} range
 * @returns {Range}
 */
function widened([low, high]) {
  return [low - (high - low) / 2, high + (high - low) / 2];
}

/**
 * @param {Card} card
 * @param {Answer | undefined} base
 * @param {Answer | undefined} detail
 * @param {View} view
 */
function fill(card, base, detail, view) {
  for (const answer of [base, detail]) {
    if (answer && "error" in answer) {
      card.showMessage(answer.error);
      card.settle(REST_AFTER_DAMAGE);
      return;
    }
  }
  card.fill(/** @type {Series} */ (base) ?? null, /** @type {Series} */ (detail) ?? null, view);
  card.settle(REST);
}
