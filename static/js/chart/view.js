/* What of the runs is shown: the x axis, the scale, the window that is zoomed into, the smoothing. */

import { smoothingFrom, smoothingText } from "./smooth.js";

/** @typedef {import("./series.js").Axis} Axis */
/** @typedef {import("./ticks.js").Range} Range */
/** `range` is in x of the axis: steps, milliseconds since 1970, or seconds since the start; null is the whole run.
 * @typedef {{axis: Axis, log: boolean, range: Range | null, smoothing: import("./smooth.js").Smoothing | null}} View */
/** What moving a window needs to know: from where to where there are points.
 * @typedef {{axis: Axis, ends: Range}} Extent */

/**
 * @param {(name: string) => string | null} read a parameter of the address
 * @returns {View}
 */
export function viewFrom(read) {
  const axis = read("x");
  const [low, high] = [read("min"), read("max")].map((text) => (text === null ? NaN : Number(text)));
  return {
    axis: axis === "time" || axis === "relative" ? axis : "step",
    log: read("log") === "1",
    range: low < high ? [low, high] : null,
    smoothing: smoothingFrom(read("smooth")),
  };
}

/**
 * The parameters of the address for a view.
 * @param {View} view
 */
export function parametersOf({ axis, log, range, smoothing }) {
  return {
    x: axis === "step" ? null : axis,
    log: log ? "1" : null,
    min: range?.[0],
    max: range?.[1],
    smooth: smoothingText(smoothing),
  };
}

/**
 * Ends that are short in the address and lie no further apart than they were.
 * @param {Range} range
 * @param {Axis} axis
 * @returns {Range}
 */
export function rounded([low, high], axis) {
  if (axis === "relative") return [Number(low.toFixed(6)), Number(high.toFixed(6))];
  const inside = /** @type {Range} */ ([Math.ceil(low), Math.floor(high)]);
  return inside[0] < inside[1] ? inside : [Math.floor(low), Math.ceil(high)];
}

/**
 * Twice the window; null, the whole run, once that is nearly reached.
 * @param {Range} range
 * @param {Extent} extent
 * @returns {Range | null}
 */
export function zoomedOut([low, high], extent) {
  const width = high - low;
  const [first, last] = extent.ends;
  if (2.1 * width >= last - first) return null;
  return moved([low - width / 2, high + width / 2], extent, 0);
}

/**
 * Half the window around a point, or as near to that as the window's start allows.
 * @param {Range} range
 * @param {number} middle
 * @param {Axis} axis
 * @returns {Range}
 */
export function zoomedIn([low, high], middle, axis) {
  const width = high - low;
  const start = Math.max(low, middle - width / 4);
  return rounded([start, start + width / 2], axis);
}

/**
 * The window further along, but not beyond the run.
 * @param {Range} range
 * @param {Extent} extent
 * @param {number} by
 * @returns {Range}
 */
export function moved([low, high], extent, by) {
  const [first, last] = extent.ends;
  const distance = Math.max(Math.min(by, last - high), first - low);
  return rounded([low + distance, high + distance], extent.axis);
}
