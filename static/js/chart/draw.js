/* A series as Plotly's traces and layout: the line, the band of what the line leaves out, marks of what is no number. */

import { colour } from "./colours.js";
import { count, place, placed, short } from "./format.js";
import { clockTicks, logTicks, stepTicks, valueTicks } from "./ticks.js";

const FEW = 40; // Below this each point is worth a dot.
const CONFIG = {
  displaylogo: false, displayModeBar: "hover", plotlyServerURL: "", scrollZoom: false, doubleClick: false,
  modeBarButtons: [["toImage"]], showTips: false, responsive: false,
};

let loading = null;

/* Plotly comes after the first paint, once, and only to pages that draw. */
export function loadPlotly(address) {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error("the drawing library could not be loaded"));
    document.head.append(script);
  });
  return loading;
}

/* `style` is {hue, dashed}, `view` {axis, log, range}. Draws into `element`, which keeps its size. */
export function draw(Plotly, element, name, series, style, view) {
  const config = { ...CONFIG, toImageButtonOptions: { filename: name.replace(/[^\w.-]+/g, "_"), scale: 2 } };
  return Plotly.react(element, traces(series, style, view), layout(element, series, view), config);
}

function traces(series, style, view) {
  const run = `--hue-${style.hue}`;
  const few = series.x.length <= FEW;
  const line = {
    type: "scatter", mode: few ? "lines+markers" : "lines", x: series.x, y: series.last, connectgaps: false,
    line: { color: colour(run), width: 1.5, dash: style.dashed ? "6px,3px" : "solid" },
    marker: { color: colour(run), size: series.x.length === 1 ? 7 : 4 },
    customdata: Array.from(series.x, (_, i) => new Words(series, i)), hovertemplate: "%{customdata}<extra></extra>",
  };
  const band = series.exact ? [] : [edge(series.x, series.min, run), { ...edge(series.x, series.max, run), fill: "tonexty", fillcolor: colour(run, 0.18) }];
  return [...band, line, ...marks(series)];
}

/* The edges are drawn too, finely: a single spike would be lost in a band one pixel wide. */
function edge(x, y, run) {
  return { type: "scatter", mode: "lines", x, y, hoverinfo: "skip", line: { color: colour(run, 0.65), width: 0.75 } };
}

/* What stands at a point, put into words only when somebody looks. Only numbers and our own words come in here, nothing
   that a user wrote. No bold: Plotly would set a style attribute. */
class Words {
  constructor(series, i) {
    this.series = series;
    this.i = i;
  }

  toString() {
    const { series, i } = this;
    const [low, high] = [series.lowest(i), series.highest(i)];
    const lines = [short(series.last[i]) + (low < high ? `  (${short(low)} to ${short(high)})` : ""), placed(series, i)];
    const points = Number(series.counts[i]);
    if (points > 1) lines.push(`${count(points)} points up to here`);
    return lines.join("<br>");
  }
}

const SYMBOLS = { NaN: ["x", 0.03], Infinity: ["triangle-up", 0.96], "-Infinity": ["triangle-down", 0.03] };

function marks({ bad, axis }) {
  if (!bad.length) return [];
  return [{
    type: "scatter", mode: "markers", yaxis: "y2", cliponaxis: false, x: bad.map(([x]) => x),
    y: bad.map(([, kind]) => SYMBOLS[kind][1]),
    marker: { symbol: bad.map(([, kind]) => SYMBOLS[kind][0]), size: 7, color: colour("--warn") },
    customdata: bad.map(([x, kind]) => `${kind}<br>${place(x, axis)}`),
    hovertemplate: "%{customdata}<extra></extra>",
  }];
}

function layout(element, series, view) {
  const quiet = { zeroline: false, showline: false, ticks: "", gridcolor: colour("--grid"), automargin: false };
  return {
    width: element.clientWidth, height: element.clientHeight, margin: { l: 56, r: 10, t: 8, b: 24 }, showlegend: false,
    paper_bgcolor: colour("--ground"), plot_bgcolor: colour("--ground"), hovermode: "x", dragmode: "zoom",
    hoverdistance: Math.max(16, element.clientWidth / Math.max(1, series.x.length)),
    font: { family: getComputedStyle(document.body).fontFamily, size: 11, color: colour("--ink-3") },
    hoverlabel: { bgcolor: colour("--raised"), bordercolor: colour("--line"), font: { size: 12, color: colour("--ink") }, align: "left" },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--ink-3"), activecolor: colour("--ink") },
    xaxis: { ...quiet, ...along(series, view), showspikes: true, spikemode: "across", spikethickness: 1, spikedash: "solid", spikecolor: colour("--ink-3"), spikesnap: "hovered data" },
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
  if (low > high) return { range: [0, 1], showticklabels: false }; // Nothing is finite, or above 0 on a log scale.
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

function along(series, view) {
  const axis = { hoverformat: " ", nticks: 6, tickfont: { size: 11 }, ticklabelstandoff: 4, showgrid: false };
  const ends = endsOf(series);
  const range = view.range ?? (ends && padded(ends, series.axis));
  if (range) axis.range = range;
  if (view.axis === "time") return { ...axis, type: "date", tickformatstops: DATES };
  if (view.axis === "step") return { ...axis, type: "linear", exponentformat: "SI", separatethousands: true, ...(ends ? stepTicks(range, ends, series) : {}) };
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
