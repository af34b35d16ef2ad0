/* How values become heights. Plotly calculates with the values themselves, which fails where numbers end (1.8e308), and
   where the range is tiny beside the values: there it gets numbers near 1 instead. */

import { logTicks, valueTicks } from "./ticks.js";
import { boundsOf } from "./y-range.js";

/** @typedef {import("./series.js").Series} Series */
/** @typedef {import("./ticks.js").Ticks} Ticks */
/** @typedef {import("./ticks.js").Range} Range */

/** `place` is what Plotly gets for a value; without it the values themselves. `range` and `ticks` are in Plotly's terms.
 * @typedef {object} ValueScale
 * @property {"linear" | "log"} type
 * @property {Range} range
 * @property {Ticks | null} ticks null where there is nothing to see
 * @property {((value: number) => number) | null} place
 * @property {{above: number, below: number, exact: boolean}} [outside] points that a chosen range leaves out */
/** What of the view matters here.
 * @typedef {{log: boolean, range: Range | null, yRange?: import("./y-range.js").YRange | null}} Seen */

const AIR = 0.06; // Of the height, above and below.
const HUGE = 1e300;
const TINY = 1e-290;
const NARROW = 1e-8; // Range over size, from where on a pixel could not be calculated from the values.
const FAR = 1e6; // Heights of the chart. Further out the line is as good as vertical.

/**
 * The values that are seen fill the height, and nothing that is out of the window counts; or a chosen range does.
 * @param {Series[]} all
 * @param {Seen} view
 * @returns {ValueScale}
 */
export function valueScale(all, view) {
  const [least, most] = extremes(all, view);
  // Nothing is finite, or nothing is above 0 on a log scale.
  if (least > most) return { type: view.log ? "log" : "linear", range: [0, 1], ticks: null, place: null };
  const bounds = view.yRange ? boundsOf(view.yRange, valuesIn(all, view)) : [null, null];
  let [low, high] = [bounds[0] ?? least, bounds[1] ?? most];
  if (view.log && low <= 0) low = least;
  if (low > high) [low, high] = [least, most];
  // What was chosen by hand is not widened.
  const air = view.yRange?.kind === "hand" ? 0 : AIR;
  const scale = view.log && high - low > low * NARROW ? logScale(low, high, air) : linearScale(low, high, air);
  return view.yRange ? { ...scale, outside: outside(all, view, low, high) } : scale;
}

/**
 * @param {Series[]} all
 * @param {Seen} view
 * @returns {Range} with the first above the second where there is nothing
 */
function extremes(all, { log, range }) {
  let [low, high] = [Infinity, -Infinity];
  for (const series of all) {
    const [from, to] = series.indexes(range);
    for (let i = from; i < to; i++) {
      const [least, most] = [series.lowest(i), series.highest(i)];
      if (least < low && !(log && least <= 0)) low = least;
      if (most > high && !(log && most <= 0)) high = most;
      if (log && most > 0 && most < low) low = most;
    }
  }
  return [low, high];
}

/**
 * @param {Series[]} all
 * @param {Seen} view
 */
function valuesIn(all, { log, range }) {
  const values = all.flatMap((series) => Array.from(series.last).slice(...series.indexes(range)));
  return log ? values.filter((value) => value > 0) : values;
}

/**
 * How many of the points that are drawn are out of a range of values.
 * @param {Series[]} all
 * @param {Seen} view
 * @param {number} low
 * @param {number} high
 */
function outside(all, { range }, low, high) {
  let [above, below] = [0, 0];
  for (const series of all) {
    const [from, to] = series.indexes(range);
    for (let i = from; i < to; i++) {
      if (series.highest(i) > high) above += 1;
      if (series.lowest(i) < low) below += 1;
    }
  }
  return { above, below, exact: all.every((series) => series.exact) };
}

/**
 * @param {number} low
 * @param {number} high
 * @param {number} part of the height that is left free above and below
 * @returns {ValueScale}
 */
function linearScale(low, high, part) {
  const size = Math.max(Math.abs(low), Math.abs(high));
  const air = low < high ? high * part - low * part : Math.abs(low) / 2 || 1;
  const padded = /** @type {Range} */ ([
    Math.max(low - air, -Number.MAX_VALUE),
    Math.min(high + air, Number.MAX_VALUE),
  ]);
  const ticks = low < high ? valueTicks(padded) : valueTicks([low, high]);
  const extreme = size > HUGE || (size > 0 && size < TINY) || (low < high && high / 2 - low / 2 < size * NARROW);
  if (!extreme) return { type: "linear", range: padded, ticks, place: null };
  if (low === high) {
    /** @param {number} value */
    const place = (value) => clamp((value - low) / (size || 1));
    return { type: "linear", range: [-0.5, 0.5], ticks: placed(ticks, place), place };
  }
  // Halves, where the range of two large numbers is none; only there, as the least number has no half.
  const half = Number.isFinite(high - low) ? 1 : 0.5;
  const span = high * half - low * half;
  /** @param {number} value */
  const place = (value) => clamp((value * half - low * half) / span);
  return { type: "linear", range: [-part, 1 + part], ticks: placed(ticks, place), place };
}

/**
 * @param {number} low above 0
 * @param {number} high
 * @param {number} part of the height that is left free above and below
 * @returns {ValueScale}
 */
function logScale(low, high, part) {
  const [from, to] = [Math.log10(low), Math.log10(high)];
  const air = (to - from) * part;
  const range = /** @type {Range} */ ([from - air, to + air]);
  const ticks = logTicks([low, high]);
  if (low > TINY && high < HUGE) return { type: "log", range, ticks, place: null };
  /** @param {number} value */
  const place = (value) => (value > 0 ? Math.log10(value) : -FAR); // As Plotly does, by the lower edge.
  return { type: "linear", range, ticks: placed(ticks, place), place };
}

/**
 * @param {Ticks} ticks
 * @param {(value: number) => number} place
 * @returns {Ticks}
 */
function placed({ tickvals, ticktext }, place) {
  return { tickvals: tickvals.map(place), ticktext };
}

/** @param {number} height NaN stays */
function clamp(height) {
  return Math.min(Math.max(height, -FAR), FAR);
}
