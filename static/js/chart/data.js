/* What a chart knows of its metric: columns from the server, and the live points that came after them. */

import { number } from "./format.js";

const COLUMNS = ["x", "last", "min", "max", "counts", "steps", "times"];
const UNITS = { step: 1, time: 1000, relative: 1 }; // Of x here, in the answer's: milliseconds for its seconds.
const LONG_TAIL = 200; // Live points beside a downsampled history, until the server should draw both anew...
const LONG_LINE = 1500; // ...and beside one of which all points are here.

/* The columns are arrays of one length: `x`, and for each bucket its `last`, `min` and `max`, NaN where nothing is
   finite, its `counts` and the `steps` and `times` (in seconds) of its last point. In an exact series a bucket is a
   point, and there is neither `min` nor `max`. `bad` lists what is not finite. */
export class Series {
  /* Every point up to the chart's `last_id` is in the columns. `range`: the stretch of x that was asked for, or null. */
  constructor(chart, column, range = null) {
    const unit = UNITS[chart.x_axis];
    this.name = chart.name;
    this.axis = chart.x_axis;
    this.exact = chart.exact;
    this.total = chart.total_points;
    this.lastId = chart.last_id;
    this.range = range;
    for (const one of COLUMNS) this[one] = chart[one] ? column(chart[one]) : null;
    if (unit !== 1) this.x = this.x.map((x) => x * unit);
    this.start = chart.from.length ? chart.from[0] * unit : null;
    this.bad = chart.bad.map(({ x, value }) => [x * unit, value]);
    this.origin = this.axis === "relative" && this.x.length ? this.times[0] - this.x[0] : null;
    this.buckets = this.x.length;
    this.fresh = 0;
    this.outOfOrder = false;
  }

  /* Take in the columns of a live message and say how many points were new. */
  append(live) {
    let taken = 0;
    for (let i = 0; i < live.ids.length; i++) {
      if (live.ids[i] <= this.lastId) continue;
      this.lastId = live.ids[i];
      const time = live.timestamps[i];
      this.origin ??= time;
      const x = { step: live.steps[i], time: time * 1000, relative: time - this.origin }[this.axis];
      if (this.range && (x < this.range[0] || x > this.range[1])) continue;
      this.insert(x, number(live.values[i]), live.steps[i], time);
      taken += 1;
    }
    this.total += taken;
    this.fresh += taken;
    return taken;
  }

  insert(x, value, step, time) {
    const finite = Number.isFinite(value);
    const behind = this.x.length > 0 && x < this.x[this.x.length - 1];
    if (!finite) this.bad.push([x, String(value)]);
    // A bucket cannot take a point that belongs into it: the server can. The line must not run back meanwhile.
    this.outOfOrder ||= behind && !this.exact;
    if (behind && !this.exact) return;
    this.grow();
    const at = behind ? place(this.x, x, true) : this.x.length;
    const shown = finite ? value : NaN;
    const row = { x, last: shown, min: shown, max: shown, counts: 1, steps: step, times: time };
    for (const one of COLUMNS) this[one]?.splice(at, 0, row[one]);
    this.start = Math.min(this.start ?? x, x);
  }

  /* What came in columns of a fixed length can take more from now on. */
  grow() {
    if (Array.isArray(this.x)) return;
    for (const one of COLUMNS) if (this[one]) this[one] = Array.from(this[one]);
  }

  /* The points within a range and one on either side, so that the line goes on to the edges. Only if all are here. */
  within([low, high]) {
    const [from, to] = [place(this.x, low), place(this.x, high, true)];
    const cut = Object.assign(Object.create(Series.prototype), this, { range: [low, high], total: to - from, start: low });
    for (const one of COLUMNS) cut[one] &&= this[one].slice(Math.max(0, from - 1), to + 1);
    cut.bad = this.bad.filter(([x]) => x >= low && x <= high);
    return cut;
  }

  /* Whether a range can be cut out of this, and the server need not be asked. */
  holds([low, high]) {
    return this.exact && (!this.range || (this.range[0] <= low && high <= this.range[1]));
  }

  /* The least and the greatest value of any point, band included; null where there is none. */
  lowest(i) {
    return (this.min ?? this.last)[i];
  }

  highest(i) {
    return (this.max ?? this.last)[i];
  }

  /* Whether the server should draw it anew: the tail is long, or points came that belong in the middle. */
  get worn() {
    return this.outOfOrder || this.fresh > (this.exact ? LONG_LINE : Math.max(LONG_TAIL, this.buckets / 3));
  }
}

/* Where a value stands in a sorted column: before those that are equal, or after them. */
export function place(column, value, after = false) {
  let [low, high] = [0, column.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column[middle] < value || (after && column[middle] === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}
