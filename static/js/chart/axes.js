/* Plotly's layout for a series: margins, axes, their ranges and ticks. */

import { short } from "../format.js";
import { colour } from "./colours.js";
import { Frame } from "./frame.js";
import { logTicks, stepTicks, valueTicks } from "./ticks.js";
import { elapsedTicks, timeTicks, timeTitle } from "./time-ticks.js";
import { metricOf } from "./view.js";

/** @typedef {import("./series.js").Series} Series */
/** @typedef {import("./ticks.js").Range} Range */
/** @typedef {import("./value-scale.js").ValueScale} ValueScale */
/** @typedef {import("./view.js").View} View */

const [LEFT, RIGHT, BOTTOM] = [56, 10, 24]; // Margins, in pixels: the same for all as long as they fit, so that eyes compare.
const TITLE = 16; // More below for an axis with a title.
const BESIDE_LABEL = 16;
const FONT_SIZE = 11;
const MARK_AXIS = { overlaying: "y", range: [0, 1], fixedrange: true, visible: false }; // Marks stand at a part of the height.
/** @type {CanvasRenderingContext2D | null} */
let pen = null;

/**
 * The layout, and where things stand in it.
 * @param {HTMLElement} element
 * @param {Series[]} all
 * @param {View} view
 * @param {ValueScale} scale
 */
export function layout(element, all, view, scale) {
  const family = getComputedStyle(document.body).fontFamily;
  const { clientWidth: width, clientHeight: height } = element;
  const left = Math.ceil(
    Math.max(LEFT, ...(scale.ticks?.ticktext ?? []).map((text) => textWidth(text, family) + BESIDE_LABEL)),
  );
  const x = xAxis(all, view, width - left - RIGHT);
  const bottom = BOTTOM + ("title" in x ? TITLE : 0);
  const quiet = {
    zeroline: false,
    showline: false,
    ticks: "",
    gridcolor: colour("--grid"),
    automargin: false,
    ticklabeloverflow: "allow", // To find out what does not fit takes Plotly longer than all else of an axis.
    fixedrange: true,
  };
  const margin = { l: left, r: RIGHT, t: 8, b: bottom };
  const frame = new Frame({ width, height, margin }, x, scale);
  const plan = {
    width,
    height,
    margin,
    showlegend: false,
    hovermode: false,
    paper_bgcolor: colour("--ground"),
    plot_bgcolor: colour("--ground"),
    font: { family, size: FONT_SIZE, color: colour("--ink-3") },
    xaxis: {
      ...quiet,
      ...x,
      ...fitting(x, frame, width, family),
      ...(x.range && x.type === "log" ? { range: x.range.map(Math.log10) } : {}),
    },
    yaxis: {
      ...quiet,
      ticklabelstandoff: 4,
      type: scale.type,
      range: scale.range,
      ...(scale.ticks ?? BARE),
    },
    ...(all.some(({ bad }) => bad.length) ? { yaxis2: MARK_AXIS } : {}),
  };
  return { plan, frame };
}

/**
 * Ticks whose labels are inside of the element.
 * @param {{tickvals?: number[], ticktext?: string[]}} ticks
 * @param {Frame} frame
 * @param {number} width of the element
 * @param {string} family
 */
function fitting({ tickvals, ticktext }, frame, width, family) {
  if (!tickvals || !ticktext) return {};
  /** @param {unknown} _ @param {number} i */
  const fits = (_, i) => {
    const [middle, half] = [frame.left + frame.across(tickvals[i]), textWidth(ticktext[i], family) / 2];
    return middle - half >= 0 && middle + half <= width;
  };
  return { tickvals: tickvals.filter(fits), ticktext: ticktext.filter(fits) };
}

const BARE = { showticklabels: false, showgrid: false };

/**
 * The range is in x of the data also on a log axis, where Plotly wants exponents.
 * @param {Series[]} all
 * @param {View} view
 * @param {number} width pixels of the plot
 * @returns {Record<string, unknown> & {range?: Range, tickvals?: number[], ticktext?: string[]}}
 */
function xAxis(all, view, width) {
  const axis = { type: "linear", tickangle: 0, tickfont: { size: FONT_SIZE }, ticklabelstandoff: 4, showgrid: false };
  const ends = endsOf(all, -Infinity);
  const range = view.range ?? (ends && padded(ends, view.axis));
  if (!range) return { ...axis, ...BARE };
  const metric = metricOf(view.axis);
  const title = metric === null ? {} : { title: titled(metric) };
  if (isLogX(view)) return { ...axis, ...logX(all, range), ...title };
  if (view.axis === "time") return { ...axis, range, ...timeTicks(range, width), title: titled(timeTitle(range)) };
  if (view.axis === "relative") return { ...axis, range, ...elapsedTicks(range, width) };
  if (metric !== null) return { ...axis, range, ...thinned(valueTicks(range), width), ...title };
  return { ...axis, range, ...(ends ? stepTicks(range, ends, longest(all), width) : BARE) };
}

/** Times have no logarithm. @param {View} view */
export function isLogX({ logX, axis }) {
  return logX && axis !== "time";
}

/**
 * @param {Series[]} all
 * @param {Range} range
 */
function logX(all, [low, high]) {
  const above = endsOf(all, 0);
  if (!above) return BARE; // Nothing is above 0.
  const range = /** @type {Range} */ ([low > 0 ? low : above[0], high > 0 ? high : above[1]]);
  if (range[0] >= range[1]) range[1] = range[0] * 10;
  const { tickvals } = logTicks(range);
  return {
    type: "log",
    range,
    tickvals,
    ticktext: tickvals.map((value) => (value < 1e6 ? short(value) : value.toExponential(0))),
  };
}

/** @param {string} text */
function titled(text) {
  return {
    text: text.replace(/[<&]/g, (sign) => ({ "<": "&lt;", "&": "&amp;" })[sign] ?? sign),
    standoff: 2,
    font: { size: FONT_SIZE },
  };
}

/**
 * Ticks that have room beside each other.
 * @param {import("./ticks.js").Ticks} ticks
 * @param {number} width
 */
function thinned({ tickvals, ticktext }, width) {
  const longestText = Math.max(...ticktext.map((text) => text.length));
  const by = Math.ceil((ticktext.length * (longestText * 6.5 + 16)) / Math.max(1, width));
  /** @param {unknown} _ @param {number} i */
  const isKept = (_, i) => i % by === 0;
  return { tickvals: tickvals.filter(isKept), ticktext: ticktext.filter(isKept) };
}

/**
 * The least and the greatest x that has a point, above a floor; or null.
 * @param {Series[]} all
 * @param {number} floor
 * @returns {Range | null}
 */
function endsOf(all, floor) {
  let [low, high] = [Infinity, -Infinity];
  for (const series of all) {
    const ends = series.ends(floor);
    if (!ends) continue;
    low = Math.min(low, ends[0]);
    high = Math.max(high, ends[1]);
  }
  return low <= high ? [low, high] : null;
}

/**
 * The line fills the width; a single point stands in the middle.
 * @param {Range} ends
 * @param {import("./series.js").Axis} axis
 * @returns {Range}
 */
function padded([low, high], axis) {
  if (low < high) return [low, high];
  const half = axis === "time" ? 1000 : metricOf(axis) === null ? 1 : Math.abs(low) / 2 || 1;
  return [low - half, high + half];
}

/** @param {Series[]} all */
function longest(all) {
  return all.reduce((most, one) => (one.x.length > most.x.length ? one : most));
}

/**
 * @param {string} text
 * @param {string} family
 */
function textWidth(text, family) {
  pen ??= document.createElement("canvas").getContext("2d");
  if (!pen) return 7 * text.length;
  pen.font = `${FONT_SIZE}px ${family}`;
  return pen.measureText(text).width;
}
