/* What of the runs is shown: the x axis, the scale, the window that is zoomed into, the smoothing. */

import { smoothingFrom, smoothingText } from "./smooth.js";
import { yRangeFrom, yRangeText } from "./y-range.js";

/** @typedef {import("./series.js").Axis} Axis */
/** @typedef {import("./ticks.js").Range} Range */
/** `range` is in x of the axis: steps, milliseconds since 1970, or seconds since the start, values of another metric; null is the whole run.
 * `yRange` null shows all values.
 * @typedef {{axis: Axis, log: boolean, logX: boolean, range: Range | null,
 *   smoothing: import("./smooth.js").Smoothing | null, yRange: import("./y-range.js").YRange | null,
 *   ownX?: string | null}} View `ownX` is the metric that a chart is drawn over because nobody chose an axis. */
/** What a page shows of its runs. `axis` null: nobody chose one, and each chart has its own. `along` is the axis that `range` is of.
 * @typedef {Omit<View, "axis" | "ownX"> & {axis: Axis | null, along: Axis}} PageView */
/** What moving a window needs to know: from where to where there are points.
 * @typedef {{axis: Axis, ends: Range}} Extent */

/**
 * @param {(name: string) => string | null} read a parameter of the address
 * @returns {PageView}
 */
export function viewFrom(read) {
  const axis = axisFrom(read("x"));
  const [low, high] = [read("min"), read("max")].map((text) => (text === null ? NaN : Number(text)));
  return {
    axis,
    along: axis ?? axisFrom(read("along")) ?? "step",
    log: read("log") === "1",
    logX: read("logx") === "1",
    range: low < high ? [low, high] : null,
    smoothing: smoothingFrom(read("smooth")),
    yRange: yRangeFrom(read("y")),
  };
}

/**
 * What a chart shows that has an axis of its own as long as nobody chose one. A range of another axis is none of it.
 * @param {PageView} page
 * @param {Axis} own
 * @returns {View}
 */
export function viewOver({ along, ...page }, own) {
  const axis = page.axis ?? own;
  return {
    ...page,
    axis,
    range: axis === along ? page.range : null,
    ownX: page.axis === null ? metricOf(own) : null,
  };
}

/**
 * The axis that metrics have by themselves: the metric that their scripts said, if it is the same for all of them.
 * @param {string[]} metrics
 * @param {Map<string, string>} said by metric
 * @returns {Axis}
 */
export function ownAxis(metrics, said) {
  const axes = new Set(metrics.map((metric) => said.get(metric)));
  const [x] = axes;
  return axes.size === 1 && x !== undefined ? `metric:${x}` : "step";
}

/**
 * @param {string | null} text
 * @returns {Axis | null}
 */
function axisFrom(text) {
  if (text === "step" || text === "time" || text === "relative") return text;
  return text?.startsWith("metric:") && text.length > 7 ? /** @type {Axis} */ (text) : null;
}

/** The metric along which the charts are drawn, if it is one. @param {Axis} axis */
export function metricOf(axis) {
  return axis.startsWith("metric:") ? axis.slice(7) : null;
}

/**
 * The parameters of the address for a view.
 * @param {PageView} view
 */
export function parametersOf({ axis, along, log, logX, range, smoothing, yRange }) {
  return {
    x: axis,
    along: axis === null && range && along !== "step" ? along : null,
    log: log ? "1" : null,
    min: range?.[0],
    max: range?.[1],
    logx: logX ? "1" : null,
    smooth: smoothingText(smoothing),
    y: yRangeText(yRange),
  };
}

/**
 * Ends that are short in the address and lie no further apart than they were.
 * @param {Range} range
 * @param {Axis} axis
 * @returns {Range}
 */
export function rounded([low, high], axis) {
  if (metricOf(axis) !== null) return [Number(low.toPrecision(9)), Number(high.toPrecision(9))];
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
