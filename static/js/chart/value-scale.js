/* How values become heights. Plotly calculates with the values themselves, which fails where numbers end (1.8e308), and
   where the range is tiny beside the values: there it gets numbers near 1 instead. */

import { indexAfter, indexOf } from "./series.js";
import { logTicks, valueTicks } from "./ticks.js";

/** @typedef {import("./series.js").Series} Series */
/** @typedef {import("./ticks.js").Ticks} Ticks */
/** @typedef {import("./ticks.js").Range} Range */

/** `place` is what Plotly gets for a value; without it the values themselves. `range` and `ticks` are in Plotly's terms.
 * @typedef {object} ValueScale
 * @property {"linear" | "log"} type
 * @property {Range} range
 * @property {Ticks | null} ticks null where there is nothing to see
 * @property {((value: number) => number) | null} place */

const AIR = 0.06; // Of the height, above and below.
const HUGE = 1e300;
const TINY = 1e-290;
const NARROW = 1e-8; // Range over size, from where on a pixel could not be calculated from the values.
const FAR = 1e6; // Heights of the chart. Further out the line is as good as vertical.

/**
 * The values that are seen fill the height, and nothing that is out of the window counts.
 * @param {Series[]} all
 * @param {{log: boolean, range: Range | null}} view
 * @returns {ValueScale}
 */
export function valueScale(all, view) {
  const [low, high] = extremes(all, view);
  // Nothing is finite, or nothing is above 0 on a log scale.
  if (low > high) return { type: view.log ? "log" : "linear", range: [0, 1], ticks: null, place: null };
  return view.log && high - low > low * NARROW ? logScale(low, high) : linearScale(low, high);
}

/**
 * @param {Series[]} all
 * @param {{log: boolean, range: Range | null}} view
 * @returns {Range} with the first above the second where there is nothing
 */
function extremes(all, { log, range }) {
  let [low, high] = [Infinity, -Infinity];
  for (const series of all) {
    const [from, to] = inside(series.x, range);
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
 * From which index to which the points are in a range; all of them if there is none.
 * @param {ArrayLike<number>} x sorted
 * @param {Range | null} range
 * @returns {Range}
 */
function inside(x, range) {
  if (!range) return [0, x.length];
  const [from, to] = [indexOf(x, range[0]), indexAfter(x, range[1])];
  return from < to ? [from, to] : [0, x.length];
}

/**
 * @param {number} low
 * @param {number} high
 * @returns {ValueScale}
 */
function linearScale(low, high) {
  const size = Math.max(Math.abs(low), Math.abs(high));
  const air = low < high ? high * AIR - low * AIR : Math.abs(low) / 2 || 1;
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
  const part = Number.isFinite(high - low) ? 1 : 0.5;
  const span = high * part - low * part;
  /** @param {number} value */
  const place = (value) => clamp((value * part - low * part) / span);
  return { type: "linear", range: [-AIR, 1 + AIR], ticks: placed(ticks, place), place };
}

/**
 * @param {number} low above 0
 * @param {number} high
 * @returns {ValueScale}
 */
function logScale(low, high) {
  const [from, to] = [Math.log10(low), Math.log10(high)];
  const air = (to - from) * AIR;
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
