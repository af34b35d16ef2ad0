/* Asks the server for what the cards need: several in one request, nothing twice, and nothing any longer that belongs
   to a view which was left. */

import { loadPlotly } from "./draw.js";

const AT_ONCE = 16; // Names of one request.
const WHOLE = 600; // Buckets: more than a chart has pixels across, unless it is the only one.
const DETAIL = 1500; // More where somebody looks closely, as the line is exact the sooner.
const FEW = 1000; // Points of which those around are asked for as well, so that the line goes on to the edges.
const REST = 2000; // Milliseconds from an answer to the next question about a metric that goes on growing...
const AGAIN = 5000; // ...after a failure...
const DAMAGED = 60_000; // ...and about what cannot be read.

export class Asker {
  constructor(charts, source, plotly) {
    this.charts = charts;
    this.source = source;
    this.plotly = plotly;
    this.wanted = new Set();
    this.abort = new AbortController();
  }

  /* Ask for a card's data together with that of its neighbours, when it has rested. */
  want(card, rested = false) {
    if (rested) card.restUntil = 0;
    this.wanted.add(card);
    this.wait();
  }

  wait() {
    clearTimeout(this.asking);
    const first = Math.min(...[...this.wanted].map((card) => card.restUntil));
    if (this.wanted.size) this.asking = setTimeout(() => this.ask(), Math.max(0, first - performance.now()));
  }

  ask() {
    const now = performance.now();
    const due = [...this.wanted].filter((card) => card.restUntil <= now);
    for (const card of due) this.wanted.delete(card);
    this.wait();
    const here = due.filter((card) => card.visible && card.element.isConnected && card.needs(this.charts.view));
    for (let i = 0; i < here.length; i += AT_ONCE) this.fetch(here.slice(i, i + AT_ONCE));
  }

  /* Give up what is under way: it is for another view. */
  stop() {
    this.abort.abort();
    this.abort = new AbortController();
    this.wanted.clear();
    for (const card of this.charts.cards.values()) card.settle();
  }

  async fetch(cards) {
    const { view } = this.charts;
    const { signal } = this.abort;
    const get = async (list, range, points) =>
      list.length ? this.source.fetch(list.map((card) => card.name), view.axis, range, points, signal) : new Map();
    const [sparse, dense] = split(cards.filter((card) => card.wantsDetail(view)), view.range);
    for (const card of cards) card.expect();
    try {
      const [whole, around, within] = await Promise.all([
        get(cards.filter((card) => card.wantsBase), null, cards.some(isWide) ? DETAIL : WHOLE),
        get(sparse, view.range && wider(view.range), DETAIL),
        get(dense, view.range, DETAIL),
        loadPlotly(this.plotly),
      ]);
      if (signal.aborted) return;
      for (const card of cards) fill(card, whole.get(card.name), around.get(card.name) ?? within.get(card.name), view);
      this.charts.schedule(0);
    } catch (error) {
      if (!signal.aborted) this.failed(cards, error);
    }
  }

  /* What may pass is tried again by itself. */
  failed(cards, error) {
    for (const card of cards) {
      card.miss(error.message, () => this.want(card, true));
      card.settle(AGAIN);
      if (!error.lasts && !document.body.dataset.ended) this.want(card);
    }
    this.charts.schedule(0);
  }
}

function isWide(card) {
  return card.plot.clientWidth > WHOLE;
}

/* Cards with few points around a range, and the others. */
function split(cards, range) {
  const sparse = (card) => !card.wantsBase && card.pointsIn(wider(range)) <= FEW;
  return [cards.filter(sparse), cards.filter((card) => !sparse(card))];
}

function wider([low, high]) {
  return [low - (high - low) / 2, high + (high - low) / 2];
}

function fill(card, base, detail, view) {
  const damage = base?.error ?? detail?.error;
  if (damage) card.say(damage);
  else card.fill(base ?? null, detail ?? null, view);
  card.settle(damage ? DAMAGED : REST);
}
