/* Where a series is drawn: Plotly's layout, and the axes with their ranges and ticks. */

import { colour } from "./colours.js";
import { clockTicks, logTicks, stepTicks, valueTicks } from "./ticks.js";

const [LEFT, RIGHT] = [56, 10]; // Margins, in pixels: the same for all, so that eyes compare.

export function layout(element, series, view) {
  const quiet = { zeroline: false, showline: false, ticks: "", gridcolor: colour("--grid"), automargin: false };
  return {
    width: element.clientWidth, height: element.clientHeight, margin: { l: LEFT, r: RIGHT, t: 8, b: 24 }, showlegend: false,
    paper_bgcolor: colour("--ground"), plot_bgcolor: colour("--ground"), hovermode: "x", dragmode: "zoom",
    hoverdistance: Math.max(16, element.clientWidth / Math.max(1, series.x.length)),
    font: { family: getComputedStyle(document.body).fontFamily, size: 11, color: colour("--ink-3") },
    hoverlabel: { bgcolor: colour("--raised"), bordercolor: colour("--line"), font: { size: 12, color: colour("--ink") }, align: "left" },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--ink-3"), activecolor: colour("--ink") },
    xaxis: { ...quiet, ...along(series, view, element.clientWidth - LEFT - RIGHT), showspikes: true, spikemode: "across", spikethickness: 1, spikedash: "solid", spikecolor: colour("--ink-3"), spikesnap: "hovered data" },
    yaxis: { ...quiet, type: view.log ? "log" : "linear", fixedrange: true, nticks: 5, exponentformat: "e", hoverformat: ".4~g", minexponent: 5, ...upwards(series, view) },
    yaxis2: { overlaying: "y", range: [0, 1], fixedrange: true, visible: false },
  };
}

/* The values that are seen fill the height, and nothing that is out of the window counts. */
function upwards(series, view) {
  let [low, high] = [Infinity, -Infinity];
  for (const i of insideOf(series, view.range)) {
    const [least, most] = [series.lowest(i), series.highest(i)];
    if (least < low && !(view.log && least <= 0)) low = least;
    if (most > high && !(view.log && most <= 0)) high = most;
    if (view.log && most > 0 && most < low) low = most;
  }
  if (low > high) return { range: [0, 1], showticklabels: false, showgrid: false }; // Nothing is finite, or above 0 on a log scale.
  return view.log ? { range: logRange(low, high), ...logTicks([low, high]) } : { range: linearRange(low, high), ...valueTicks([low, high]) };
}

/* The points within a range; those beside it if there is none. */
function insideOf({ x }, range) {
  const all = [...x.keys()];
  const inside = range ? all.filter((i) => x[i] >= range[0] && x[i] <= range[1]) : all;
  return inside.length ? inside : all;
}

const AIR = 0.06; // Of the height, above and below.

function linearRange(low, high) {
  const air = low < high ? high * AIR - low * AIR : Math.abs(low) / 2 || 1;
  return [Math.max(low - air, -Number.MAX_VALUE), Math.min(high + air, Number.MAX_VALUE)];
}

function logRange(low, high) {
  const [from, to] = [Math.log10(low), Math.log10(high)];
  const air = (to - from) * AIR || 0.5;
  return [from - air, to + air];
}

function along(series, view, width) {
  const axis = { nticks: 5, tickangle: 0, tickfont: { size: 11 }, ticklabelstandoff: 4, showgrid: false };
  const ends = endsOf(series);
  const range = view.range ?? (ends && padded(ends, series.axis));
  if (range) axis.range = range;
  const short = range && range[1] - range[0] < MINUTE; // Its ticks are long.
  if (view.axis === "time") return { ...axis, type: "date", tickformatstops: DATES, nticks: short ? 3 : 5 };
  if (view.axis === "step") return { ...axis, type: "linear", ...(ends ? stepTicks(range, ends, series, width) : {}) };
  return { ...axis, type: "linear", ...(range ? clockTicks(range) : {}) };
}

/* The first and the last x that has a point, or null. */
function endsOf({ start, x }) {
  return x.length ? [Math.min(start, x[0]), x[x.length - 1]] : null;
}

/* The line fills the width; a single point stands in the middle. */
function padded([low, high], axis) {
  if (low < high) return [low, high];
  const half = { step: 1, time: 1000, relative: 1 }[axis];
  return [low - half, high + half];
}

const [MINUTE, DAY] = [60_000, 86_400_000];
const DATES = [
  { dtickrange: [null, 999], value: "%H:%M:%S.%L" }, { dtickrange: [1000, MINUTE - 1], value: "%H:%M:%S" },
  { dtickrange: [MINUTE, DAY - 1], value: "%H:%M" }, { dtickrange: [DAY, null], value: "%-d %b" },
];
