/* Where the charts' data come from. */

import { unpack } from "./columnar.js";
import { Series } from "./series.js";

const CONTENT_TYPE = "application/vnd.ai-manager.chart";
const TIMEOUT = 20_000; // Milliseconds. A connection that froze would keep the charts waiting for minutes.

/** @typedef {import("./ticks.js").Range} Range */

/** A request that failed. `lasts`: the same request will fail again. */
export class ChartError extends Error {
  /** @param {number} status */
  constructor(status) {
    super(`the server answered ${status}`);
    this.lasts = status < 500 && status !== 429;
  }
}

export class ChartApi {
  /** @param {string} address */
  constructor(address) {
    this.address = address;
  }

  /**
   * Charts of several metrics in one request, by name.
   * @param {string[]} names
   * @param {import("./series.js").Axis} axis
   * @param {Range | null} range null is the whole run
   * @param {number} points
   * @param {AbortSignal} signal
   * @returns {Promise<Map<string, Series | {error: string}>>}
   */
  async fetch(names, axis, range, points, signal) {
    const query = new URLSearchParams({ x: axis, points: String(points) });
    if (range) {
      query.set("min", String(range[0]));
      query.set("max", String(range[1]));
    }
    for (const name of names) query.append("name", name);
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(new Error("the server did not answer")), TIMEOUT);
    const stop = () => timeout.abort(signal.reason);
    signal.addEventListener("abort", stop);
    try {
      const headers = { Accept: `${CONTENT_TYPE}, application/json` };
      const response = await fetch(`${this.address}?${query}`, { signal: timeout.signal, headers });
      if (!response.ok) throw new ChartError(response.status);
      const { head, column } = unpack(await response.arrayBuffer());
      /** @type {import("./series.js").ChartHead[]} */
      const charts = head.charts;
      return new Map(
        charts.map((chart) => [chart.name, chart.error ? { error: chart.error } : new Series(chart, column, range)]),
      );
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
  }
}
