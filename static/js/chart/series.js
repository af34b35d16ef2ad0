/* The points of one metric that the page has: columns from the server, and the live points that came after them. */

import { toNumber } from "../format.js";

/** @typedef {"step" | "time" | "relative" | `metric:${string}`} Axis */
/** @typedef {import("./ticks.js").Range} Range */
/** @typedef {import("./columnar.js").Reference} Reference */
/** @typedef {import("../format.js").WireNumber} WireNumber */
/** @typedef {"x" | "last" | "min" | "max" | "counts" | "steps" | "times"} ColumnName */

/** A chart in the head of an answer: aimanager/services/charts.py.
 * @typedef {{run_id: number, name: string, x_axis: Axis, exact: boolean, total_points: number, last_id: number, from: number[],
 *   bad: {x: number, value: string}[], error?: string} & Partial<Record<ColumnName, Reference>>} ChartHead */

/** The chart of a group of runs: aimanager/services/group_charts.py. `low` and `high` are a standard deviation away from the
 * mean.
 * @typedef {{group: number, method: "exact" | "interpolated", n: number} & Omit<ChartHead, "run_id" | "last_id">
 *   & Record<"mean" | "low" | "high" | "count", Reference>} GroupHead */

/** The new points of one metric in a live message; `timestamps` are seconds.
 * @typedef {{ids: number[], steps: number[], values: WireNumber[], timestamps: number[]}} LiveColumns */
/** @typedef {{run_id: number, last_id: number, series: Record<string, LiveColumns>}} LiveMetrics */

/** @type {ColumnName[]} */
const COLUMNS = ["x", "last", "min", "max", "counts", "steps", "times"];
/** @type {Record<string, number>} */
const UNITS = { time: 1000 }; // Of x here, where it is not 1, in the answer's: milliseconds for its seconds.
const LONG_TAIL = 200; // Live points beside a downsampled history, until the server should draw both anew...
const LONG_LINE = 1500; // ...and beside one of which all points are here.

/* The columns are arrays of one length: `x`, and for each bucket its `last`, `min` and `max`, NaN where nothing is
   finite, its `counts` and the `steps` and `times` (in seconds) of its last point. In an exact series a bucket is a
   point, and there is neither `min` nor `max`. `bad` lists what is not finite. */
export class Series {
  /**
   * Every point up to the chart's `last_id` is in the columns.
   * @param {ChartHead} chart
   * @param {(reference: any) => any} column
   * @param {Range | null} range the requested part of x, or null
   */
  constructor(chart, column, range = null) {
    const unit = UNITS[chart.x_axis] ?? 1;
    this.name = chart.name;
    this.axis = chart.x_axis;
    this.exact = chart.exact;
    this.total = chart.total_points;
    this.lastId = chart.last_id;
    this.range = range;
    /** @param {ColumnName} name */
    const read = (name) => (chart[name] ? column(chart[name]) : null);
    /** @type {number[]} */
    this.x = read("x");
    if (unit !== 1) this.x = this.x.map((x) => x * unit);
    /** @type {number[]} */
    this.last = read("last");
    /** @type {number[] | null} */
    this.min = read("min");
    /** @type {number[] | null} */
    this.max = read("max");
    /** @type {(number | bigint)[]} */
    this.counts = read("counts");
    /** @type {(number | bigint)[]} */
    this.steps = read("steps");
    /** @type {number[]} */
    this.times = read("times");
    /** @type {number | null} */
    this.start = chart.from.length ? chart.from[0] * unit : null;
    /** @type {[number, string][]} */
    this.bad = chart.bad.map(({ x, value }) => [x * unit, value]);
    /** @type {number | null} when the run started, for points that have a time only */
    this.origin = this.axis === "relative" && this.x.length ? this.times[0] - this.x[0] : null;
    this.buckets = this.x.length;
    /** Along another metric a line goes on in the order of steps, and may turn back. */
    this.isSorted = !this.axis.startsWith("metric:") || this.x.every((x, i) => i === 0 || x >= this.x[i - 1]);
    this.appended = 0;
    this.outOfOrder = false;
    /** @type {{method: "exact" | "interpolated", n: number} | null} of how many runs this is the mean, and how it is made */
    this.group = null;
  }

  /**
   * The mean of a group of runs, with a standard deviation around it. Live points of a run are not its points.
   * @param {GroupHead} chart
   * @param {(reference: any) => any} column
   * @param {Range | null} range
   */
  static ofGroup(chart, column, range) {
    const { mean: last, low: min, high: max, count: counts, x } = chart;
    const columns = { last, min, max, counts, steps: x, times: x };
    const series = new Series({ ...chart, ...columns, exact: false, run_id: 0, last_id: Infinity }, column, range);
    series.group = { method: chart.method, n: chart.n };
    return series;
  }

  /**
   * A metric of which there is no point yet.
   * @param {Pick<ChartHead, "name" | "x_axis" | "last_id">} head
   * @param {Range | null} range
   */
  static empty(head, range) {
    const columns = Object.fromEntries(COLUMNS.map((name) => [name, name]));
    const fields = {
      run_id: 0,
      exact: true,
      total_points: 0,
      from: [],
      bad: [],
      ...columns,
      min: undefined,
      max: undefined,
    };
    return new Series({ ...fields, ...head }, () => [], range);
  }

  /**
   * Add the points of a live message that are not here yet and return how many there were.
   * @param {LiveColumns} live
   */
  append(live) {
    let added = 0;
    if (this.axis.startsWith("metric:")) {
      // Where the point stands, only the server knows.
      this.outOfOrder ||= live.ids.some((id) => id > this.lastId);
      return 0;
    }
    for (let i = 0; i < live.ids.length; i++) {
      if (live.ids[i] <= this.lastId) continue;
      this.lastId = live.ids[i];
      const time = live.timestamps[i];
      this.origin ??= time;
      const x = this.axis === "step" ? live.steps[i] : this.axis === "time" ? time * 1000 : time - this.origin;
      if (this.range && (x < this.range[0] || x > this.range[1])) continue;
      this.insert(x, toNumber(live.values[i]), live.steps[i], time);
      added += 1;
    }
    this.total += added;
    this.appended += added;
    return added;
  }

  /**
   * @param {number} x
   * @param {number} value
   * @param {number} step
   * @param {number} time seconds
   */
  insert(x, value, step, time) {
    const finite = Number.isFinite(value);
    const behind = this.x.length > 0 && x < this.x[this.x.length - 1];
    if (!finite) this.bad.push([x, String(value)]);
    // A bucket cannot take a point that belongs into it: the server can. The line must not run back meanwhile.
    this.outOfOrder ||= behind && !this.exact;
    if (behind && !this.exact) return;
    this.makeGrowable();
    const at = behind ? indexAfter(this.x, x) : this.x.length;
    const drawn = finite ? value : NaN;
    const row = { x, last: drawn, min: drawn, max: drawn, counts: 1, steps: step, times: time };
    for (const name of COLUMNS) /** @type {any[] | null} */ (this[name])?.splice(at, 0, row[name]);
    this.start = Math.min(this.start ?? x, x);
  }

  /** Columns that came have a fixed length: make arrays of them. */
  makeGrowable() {
    if (Array.isArray(this.x)) return;
    for (const name of COLUMNS) {
      const column = this[name];
      if (column) Object.assign(this, { [name]: Array.from(column) });
    }
  }

  /**
   * The points within a range and one on either side, so that the line goes on to the edges. Only if all are here.
   * @param {Range} range
   * @returns {Series}
   */
  within([low, high]) {
    const [from, to] = [indexOf(this.x, low), indexAfter(this.x, high)];
    const part = Object.assign(Object.create(Series.prototype), this);
    Object.assign(part, { range: [low, high], total: to - from, start: low });
    for (const name of COLUMNS) part[name] &&= this[name]?.slice(Math.max(0, from - 1), to + 1);
    part.bad = this.bad.filter(([x]) => x >= low && x <= high);
    return part;
  }

  /**
   * Whether a range can be cut out of this, so that no request is needed.
   * @param {Range} range
   */
  covers([low, high]) {
    return this.exact && this.isSorted && (!this.range || (this.range[0] <= low && high <= this.range[1]));
  }

  /**
   * The least and the greatest x that has a point, or above `floor`; null if there is none.
   * @param {number} floor
   * @returns {Range | null}
   */
  ends(floor = -Infinity) {
    const { x, start } = this;
    if (!this.isSorted) {
      const above = Array.from(x).filter((one) => one > floor);
      return above.length ? [Math.min(...above), Math.max(...above)] : null;
    }
    const last = x[x.length - 1];
    if (!(last > floor)) return null;
    const first = Math.min(start ?? x[0], x[0]);
    return [first > floor ? first : x[indexAfter(x, floor)], last];
  }

  /**
   * From which index to which the points are in a range; all of them if there is none.
   * @param {Range | null} range
   * @returns {Range}
   */
  indexes(range) {
    if (!range || !this.isSorted) return [0, this.x.length];
    const [from, to] = [indexOf(this.x, range[0]), indexAfter(this.x, range[1])];
    return from < to ? [from, to] : [0, this.x.length];
  }

  /** The least value of a bucket, NaN where there is none. @param {number} i */
  lowest(i) {
    return (this.min ?? this.last)[i];
  }

  /** The greatest value of a bucket, NaN where there is none. @param {number} i */
  highest(i) {
    return (this.max ?? this.last)[i];
  }

  /** Whether the server should draw it anew: many points were appended, or some belong in the middle. */
  get needsRefetch() {
    return this.outOfOrder || this.appended > (this.exact ? LONG_LINE : Math.max(LONG_TAIL, this.buckets / 3));
  }
}

/**
 * The index of a value in a sorted column, before those that are equal.
 * @param {ArrayLike<number>} column
 * @param {number} value
 */
export function indexOf(column, value) {
  return firstIndex(column, (one) => one >= value);
}

/**
 * The index behind all that are not greater.
 * @param {ArrayLike<number>} column
 * @param {number} value
 */
export function indexAfter(column, value) {
  return firstIndex(column, (one) => one > value);
}

/**
 * @param {ArrayLike<number>} column
 * @param {(value: number) => boolean} holds
 */
function firstIndex(column, holds) {
  let [low, high] = [0, column.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(column[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}
