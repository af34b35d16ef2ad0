/* Where the charts' data come from. */

import { unpack } from "./columnar.js";
import { FirstData } from "./first.js";
import { Series } from "./series.js";

const CONTENT_TYPE = "application/vnd.ai-manager.chart";
const TIMEOUT = 20_000; // Milliseconds. A connection that froze would keep the charts waiting for minutes.

/** @typedef {import("./line.js").Line} Line */
/** @typedef {import("./ticks.js").Range} Range */
/** The points of a line, or why they cannot be read.
 * @typedef {Series | {error: string}} Answer */
/** What of the lines is asked for; `range` null is the whole run.
 * @typedef {{axis: import("./series.js").Axis, range: Range | null, points: number}} Window */

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
    /** @type {Record<number, number>} by run the id up to which all of its points are in what was fetched */
    this.lastIds = {};
    this.first = FirstData.ofPage();
    /** @type {ReturnType<typeof fetchColumns> | null} */
    this.firstColumns = this.first && fetchColumns(this.first.address);
    this.firstColumns?.catch(() => {}); // Who needs them hears of it.
  }

  /** @param {Record<number, number>} lastIds of an answer */
  note(lastIds) {
    for (const [run, lastId] of Object.entries(lastIds)) {
      this.lastIds[Number(run)] = Math.min(lastId, this.lastIds[Number(run)] ?? Infinity);
    }
  }

  /**
   * The points of lines, in as few requests as there are sets of runs among them.
   * @param {Line[]} lines
   * @param {Window} window
   * @param {AbortSignal} signal
   * @returns {Promise<Map<Line, Answer>>}
   */
  async fetch(lines, window, signal) {
    if (lines.every((line) => this.first?.has(line, window))) return this.fetchFirst(lines);
    const [groups, runs] = [lines.filter(isOfGroup), lines.filter((line) => !isOfGroup(line))];
    const parts = await Promise.all([
      ...requestsFor(runs).map((request) => this.fetchRuns(request, window, signal)),
      ...requestsFor(groups).map((request) => this.fetchGroups(request, groups, window, signal)),
    ]);
    return answersOf(lines, new Map(parts.flatMap((part) => [...part])));
  }

  /**
   * Of the data that came with the page.
   * @param {Line[]} lines
   */
  async fetchFirst(lines) {
    const { request, window, taken } = /** @type {FirstData} */ (this.first);
    for (const line of lines) taken.add(line);
    const { head, column } = await /** @type {ReturnType<typeof fetchColumns>} */ (this.firstColumns);
    return answersOf(lines, this.answersIn(head, column, request, window));
  }

  /**
   * All metrics of all runs, by the key of each; one that a run never logged has no points.
   * @param {{runs: number[], metrics: string[]}} request
   * @param {Window} window
   * @param {AbortSignal} signal
   * @returns {Promise<Map<string, Answer>>}
   */
  async fetchRuns(request, window, signal) {
    const query = queryOf({ runs: request.runs.join(",") }, request.metrics, window);
    const { head, column } = await fetchColumns(`${this.address}?${query}`, signal);
    return this.answersIn(head, column, request, window);
  }

  /**
   * @param {any} head
   * @param {import("./columnar.js").ColumnReader} column
   * @param {{runs: number[], metrics: string[]}} request
   * @param {Window} window
   * @returns {Map<string, Answer>}
   */
  answersIn(head, column, { runs, metrics }, { axis, range }) {
    this.note(head.last_ids);
    const answers = withoutPoints(runs, metrics, axis, range, head.last_ids);
    for (const chart of /** @type {import("./series.js").ChartHead[]} */ (head.charts)) {
      const answer = chart.error ? { error: chart.error } : new Series({ ...chart, x_axis: axis }, column, range);
      answers.set(keyOf(chart.run_id, chart.name), answer);
    }
    return answers;
  }

  /**
   * The means of groups of runs, likewise.
   * @param {{runs: number[], metrics: string[]}} request
   * @param {Line[]} lines among them one of each group
   * @param {Window} window
   * @param {AbortSignal} signal
   * @returns {Promise<Map<string, Answer>>}
   */
  async fetchGroups({ runs, metrics }, lines, window, signal) {
    const members = runs.map((id) => lines.find(({ run }) => run.id === id)?.run.members ?? []);
    const query = queryOf({ groups: members.map((ids) => ids.join(",")).join(";") }, metrics, window);
    const { head, column } = await fetchColumns(`${this.address}/groups?${query}`, signal);
    this.note(head.last_ids);
    const answers = withoutPoints(runs, metrics, window.axis, window.range, {});
    for (const chart of /** @type {import("./series.js").GroupHead[]} */ (head.charts)) {
      const answer = chart.error
        ? { error: chart.error }
        : Series.ofGroup({ ...chart, x_axis: window.axis }, column, window.range);
      answers.set(keyOf(runs[chart.group], chart.name), answer);
    }
    return answers;
  }
}

/**
 * @param {Line[]} lines
 * @param {Map<string, Answer>} found
 */
function answersOf(lines, found) {
  /** @type {Map<Line, Answer>} */
  const answers = new Map();
  for (const line of lines) {
    const answer = found.get(keyOf(line.run.id, line.metric));
    if (answer) answers.set(line, answer);
  }
  return answers;
}

/** @param {Line} line */
function isOfGroup({ run }) {
  return run.members !== undefined;
}

/**
 * @param {Record<string, string>} what
 * @param {string[]} metrics
 * @param {Window} window
 */
function queryOf(what, metrics, { axis, range, points }) {
  const query = new URLSearchParams({ ...what, x: axis, points: String(points) });
  if (range) {
    query.set("min", String(range[0]));
    query.set("max", String(range[1]));
  }
  for (const metric of metrics) query.append("name", metric);
  return query;
}

/**
 * What is true of the lines that an answer does not name.
 * @param {number[]} runs
 * @param {string[]} metrics
 * @param {import("./series.js").Axis} axis
 * @param {Range | null} range
 * @param {Record<number, number>} lastIds
 * @returns {Map<string, Answer>}
 */
function withoutPoints(runs, metrics, axis, range, lastIds) {
  const answers = new Map();
  for (const run of runs) {
    for (const name of metrics) {
      answers.set(keyOf(run, name), Series.empty({ name, x_axis: axis, last_id: lastIds[run] ?? Infinity }, range));
    }
  }
  return answers;
}

/**
 * @param {number} run
 * @param {string} metric
 */
function keyOf(run, metric) {
  return `${run} ${metric}`;
}

/**
 * Metrics that are wanted of the same runs share a request.
 * @param {Line[]} lines
 */
export function requestsFor(lines) {
  /** @type {Map<string, Set<number>>} */
  const runsOf = new Map();
  for (const { run, metric } of lines) runsOf.set(metric, (runsOf.get(metric) ?? new Set()).add(run.id));
  /** @type {Map<string, {runs: number[], metrics: string[]}>} */
  const requests = new Map();
  for (const [metric, runs] of runsOf) {
    const ids = [...runs].sort((a, b) => a - b);
    const request = requests.get(ids.join()) ?? { runs: ids, metrics: [] };
    request.metrics.push(metric);
    requests.set(ids.join(), request);
  }
  return [...requests.values()];
}

/**
 * @param {string} address
 * @param {AbortSignal} [signal]
 */
async function fetchColumns(address, signal) {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(new Error("the server did not answer")), TIMEOUT);
  const stop = () => timeout.abort(signal?.reason);
  signal?.addEventListener("abort", stop);
  try {
    const headers = { Accept: `${CONTENT_TYPE}, application/json` };
    const response = await fetch(address, { signal: timeout.signal, headers });
    if (!response.ok) throw new ChartError(response.status);
    return unpack(await response.arrayBuffer());
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}
