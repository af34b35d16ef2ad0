/* Fetches what the lines need: many in one request, nothing twice, and nothing any longer that belongs to a view which
   was left. */

import { ChartError } from "./api.js";
import { loadPlotly } from "./plotly.js";

/** @typedef {import("./api.js").Answer} Answer */
/** @typedef {import("./card.js").Card} Card */
/** @typedef {import("./line.js").Line} Line */
/** @typedef {import("./series.js").Series} Series */
/** @typedef {import("./ticks.js").Range} Range */
/** @typedef {import("./view.js").View} View */

const BATCH = 400; // Lines that are fetched together...
const CARDS = 16; // ...and of how many charts at most.
const BUCKETS = 600; // More than a chart has pixels across, unless it is the only one.
const DETAIL_BUCKETS = 1500; // More where somebody looks closely, as the line is exact the sooner.
const FEWEST = 100; // Buckets of a line among very many.
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
    /** @type {Set<Line>} */
    this.queue = new Set();
    this.abort = new AbortController();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /**
   * Load what a card needs together with its neighbours, when it has rested.
   * @param {Card} card
   * @param {boolean} now without the rest
   */
  request(card, now = false) {
    for (const line of card.linesInNeed(this.charts.viewOf(card))) {
      if (now) line.restUntil = 0;
      this.queue.add(line);
    }
    this.schedule();
  }

  schedule() {
    clearTimeout(this.timer);
    let first = Infinity;
    for (const { restUntil } of this.queue) first = Math.min(first, restUntil);
    if (this.queue.size) this.timer = setTimeout(() => this.loadDue(), Math.max(0, first - performance.now()));
  }

  loadDue() {
    const now = performance.now();
    const due = [...this.queue].filter((line) => line.restUntil <= now);
    for (const line of due) this.queue.delete(line);
    this.schedule();
    const needed = due.filter(
      (line) => this.charts.isShown(line) && line.card.visible && line.needsData(this.charts.viewOf(line.card)),
    );
    // What came with the page is drawn without waiting for the rest.
    const first = needed.filter((line) => line.needsBase && this.api.first?.has(line, this.wholeOf([line])));
    const others = needed.filter((line) => !first.includes(line));
    for (const some of [first, others]) {
      for (const lines of this.byAxis(some)) for (const batch of batches(lines)) this.load(batch);
    }
  }

  /**
   * What an answer holds is along one axis.
   * @param {Line[]} lines
   */
  byAxis(lines) {
    /** @type {Map<string, Line[]>} */
    const found = new Map();
    for (const line of lines) {
      const { axis } = this.charts.viewOf(line.card);
      found.set(axis, [...(found.get(axis) ?? []), line]);
    }
    return found.values();
  }

  /**
   * What is asked for of whole lines.
   * @param {Line[]} lines that have their axis in common
   * @returns {import("./api.js").Window}
   */
  wholeOf(lines) {
    const most = lines.some(({ card }) => isWide(card)) ? DETAIL_BUCKETS : BUCKETS;
    return { axis: this.charts.viewOf(lines[0].card).axis, range: null, points: bucketsFor(lines, most) };
  }

  /** Give up what is under way: it is for another view. */
  cancel() {
    this.abort.abort();
    this.abort = new AbortController();
    this.queue.clear();
    for (const card of this.charts.cards.values()) for (const line of card.lines) line.settle();
  }

  /** @param {Line[]} lines that have their axis in common */
  async load(lines) {
    const view = this.charts.viewOf(lines[0].card);
    const { signal } = this.abort;
    /**
     * @param {Line[]} list
     * @param {import("./api.js").Window} window
     * @returns {Promise<Map<Line, Answer>>}
     */
    const fetchLines = async (list, window) => (list.length ? this.api.fetch(list, window, signal) : new Map());
    /** @param {Line[]} list @param {Range | null} range */
    const fetchDetails = (list, range) =>
      fetchLines(list, { axis: view.axis, range, points: bucketsFor(list, DETAIL_BUCKETS) });
    const bases = lines.filter((line) => line.needsBase);
    const cards = new Set(lines.map((line) => line.card));
    const [sparse, dense] = splitBySparsity(
      lines.filter((line) => line.needsDetail(view)),
      view.range,
    );
    for (const line of lines) line.fetching = true;
    try {
      const [whole, sparseDetails, denseDetails] = await Promise.all([
        fetchLines(bases, this.wholeOf(lines)),
        fetchDetails(sparse, view.range && widened(view.range)),
        fetchDetails(dense, view.range),
        loadPlotly(this.plotly),
      ]);
      if (signal.aborted) return;
      for (const line of lines) {
        fill(line, whole.get(line), sparseDetails.get(line) ?? denseDetails.get(line), view);
      }
      for (const card of cards) card.answered();
      this.charts.loaded();
    } catch (error) {
      if (!signal.aborted) this.failed(lines, /** @type {Error} */ (error));
    }
  }

  /**
   * What may pass is tried again by itself.
   * @param {Line[]} lines
   * @param {Error} error
   */
  failed(lines, error) {
    const lasts = error instanceof ChartError && error.lasts;
    for (const line of lines) line.settle(REST_AFTER_FAILURE);
    for (const card of new Set(lines.map((line) => line.card))) {
      card.fail(error.message, () => this.request(card, true));
      if (!lasts && !document.body.dataset.ended) this.request(card);
    }
    this.charts.schedule(0);
    this.charts.unfold();
  }
}

/**
 * Lines that are fetched together: all of a chart stay in one batch, as they are drawn together.
 * @param {Line[]} lines
 */
function batches(lines) {
  /** @type {Map<Card, Line[]>} */
  const byCard = new Map();
  for (const line of lines) byCard.set(line.card, [...(byCard.get(line.card) ?? []), line]);
  /** @type {Line[][]} */
  const batches = [];
  let cards = CARDS;
  for (const more of byCard.values()) {
    const last = batches.at(-1);
    if (last && cards < CARDS && last.length + more.length <= BATCH) last.push(...more);
    else {
      batches.push(more);
      cards = 0;
    }
    cards += 1;
  }
  return batches;
}

/**
 * Lines that lie over each other need fewer points: nobody could tell more of them apart.
 * @param {Line[]} lines
 * @param {number} most
 */
function bucketsFor(lines, most) {
  const together = Math.max(1, ...lines.map((line) => line.card.lines.length));
  return Math.round(Math.max(FEWEST, most / Math.sqrt(together)));
}

/** @param {Card} card */
function isWide(card) {
  return (card.plot?.clientWidth ?? 0) > BUCKETS;
}

/**
 * Lines with few points around a range, and the others.
 * @param {Line[]} lines
 * @param {Range | null} range
 */
function splitBySparsity(lines, range) {
  /** @param {Line} line */
  const sparse = (line) => range !== null && !line.needsBase && line.pointsIn(widened(range)) <= FEW;
  return [lines.filter(sparse), lines.filter((line) => !sparse(line))];
}

/**
 * @param {Range} range
 * @returns {Range}
 */
function widened([low, high]) {
  return [low - (high - low) / 2, high + (high - low) / 2];
}

/**
 * @param {Line} line
 * @param {Answer | undefined} base
 * @param {Answer | undefined} detail
 * @param {View} view
 */
function fill(line, base, detail, view) {
  for (const answer of [base, detail]) {
    if (answer && "error" in answer) {
      line.damage = answer.error;
      line.settle(REST_AFTER_DAMAGE);
      return;
    }
  }
  line.fill(/** @type {Series} */ (base) ?? null, /** @type {Series} */ (detail) ?? null, view);
  line.settle(REST);
}
