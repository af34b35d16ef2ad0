/* Plotly's layout for a series: margins, axes, their ranges and ticks. */

import { colour } from "./colours.js";
import { stepTicks } from "./ticks.js";
import { elapsedTicks, timeTicks, timeTitle } from "./time-ticks.js";

/** @typedef {import("./series.js").Series} Series */
/** @typedef {import("./ticks.js").Range} Range */
/** @typedef {import("./value-scale.js").ValueScale} ValueScale */
/** @typedef {import("./view.js").View} View */

const [LEFT, RIGHT, BOTTOM] = [56, 10, 24]; // Margins, in pixels: the same for all as long as they fit, so that eyes compare.
const TITLE = 16; // More below for an axis with a title.
const BESIDE_LABEL = 16;
const FONT_SIZE = 11;
/** @type {CanvasRenderingContext2D | null} */
let pen = null;

/**
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
  const quiet = { zeroline: false, showline: false, ticks: "", gridcolor: colour("--grid"), automargin: false };
  return {
    width,
    height,
    margin: { l: left, r: RIGHT, t: 8, b: bottom },
    showlegend: false,
    paper_bgcolor: colour("--ground"),
    plot_bgcolor: colour("--ground"),
    hovermode: false, // What stands at the pointer we say ourselves: hover.js.
    dragmode: "zoom",
    font: { family, size: FONT_SIZE, color: colour("--ink-3") },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--ink-3"), activecolor: colour("--ink") },
    xaxis: { ...quiet, ...x },
    yaxis: {
      ...quiet,
      ticklabelstandoff: 4,
      type: scale.type,
      fixedrange: true,
      range: scale.range,
      ...(scale.ticks ?? BARE),
    },
    yaxis2: { overlaying: "y", range: [0, 1], fixedrange: true, visible: false },
  };
}

const BARE = { showticklabels: false, showgrid: false };

/**
 * @param {Series[]} all
 * @param {View} view
 * @param {number} width pixels of the plot
 * @returns {Record<string, unknown> & {range?: Range}}
 */
function xAxis(all, view, width) {
  const axis = { type: "linear", tickangle: 0, tickfont: { size: FONT_SIZE }, ticklabelstandoff: 4, showgrid: false };
  const ends = endsOf(all);
  const range = view.range ?? (ends && padded(ends, view.axis));
  if (!range) return { ...axis, ...BARE };
  if (view.axis === "time") {
    const title = { text: timeTitle(range), standoff: 2, font: { size: FONT_SIZE } };
    return { ...axis, range, ...timeTicks(range, width), title };
  }
  if (view.axis === "relative") return { ...axis, range, ...elapsedTicks(range, width) };
  return { ...axis, range, ...(ends ? stepTicks(range, ends, longest(all), width) : BARE) };
}

/**
 * The first and the last x that has a point, or null.
 * @param {Series[]} all
 * @returns {Range | null}
 */
function endsOf(all) {
  let [low, high] = [Infinity, -Infinity];
  for (const { start, x } of all) {
    if (!x.length) continue;
    low = Math.min(low, start ?? x[0], x[0]);
    high = Math.max(high, x[x.length - 1]);
  }
  return low <= high ? [low, high] : null;
}

/** @param {Series[]} all */
function longest(all) {
  return all.reduce((most, one) => (one.x.length > most.x.length ? one : most));
}

/**
 * The line fills the width; a single point stands in the middle.
 * @param {Range} ends
 * @param {import("./series.js").Axis} axis
 * @returns {Range}
 */
function padded([low, high], axis) {
  if (low < high) return [low, high];
  const half = { step: 1, time: 1000, relative: 1 }[axis];
  return [low - half, high + half];
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
