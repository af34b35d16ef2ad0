/* A series as Plotly's traces and layout: the line, the band of what the line leaves out, marks of what is no number. */

import { colour } from "./colours.js";
import { clock, place, short } from "./format.js";

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
    marker: { color: colour(run), size: 4 },
    customdata: series.x.map((x, i) => words(series, i, view.axis)), hovertemplate: "%{customdata}<extra></extra>",
  };
  const band = series.exact ? [] : [edge(series.x, series.min, run), { ...edge(series.x, series.max, run), fill: "tonexty", fillcolor: colour(run, 0.18) }];
  return [...band, line, ...marks(series)];
}

/* The edges are drawn too, finely: a single spike would be lost in a band one pixel wide. */
function edge(x, y, run) {
  return { type: "scatter", mode: "lines", x, y, hoverinfo: "skip", line: { color: colour(run, 0.65), width: 0.75 } };
}

/* Only numbers and our own words come in here, nothing that a user wrote. No bold: Plotly would set a style attribute. */
function words(series, i, axis) {
  const value = short(series.last[i]);
  const between = series.exact || series.min[i] === series.max[i] ? "" : `  (${short(series.min[i])} to ${short(series.max[i])})`;
  return `${value}${between}<br>${place(series.x[i], axis)}`;
}

const SYMBOLS = { NaN: ["x", 0.03], Infinity: ["triangle-up", 0.96], "-Infinity": ["triangle-down", 0.03] };

function marks(series) {
  if (!series.bad_x.length) return [];
  return [{
    type: "scatter", mode: "markers", yaxis: "y2", cliponaxis: false, x: series.bad_x,
    y: series.bad.map((kind) => SYMBOLS[kind][1]),
    marker: { symbol: series.bad.map((kind) => SYMBOLS[kind][0]), size: 7, color: colour("--warn") },
    customdata: series.bad.map((kind, i) => `${kind}<br>${place(series.bad_x[i], series.axis)}`),
    hovertemplate: "%{customdata}<extra></extra>",
  }];
}

function layout(element, series, view) {
  const quiet = { zeroline: false, showline: false, ticks: "", gridcolor: colour("--grid"), automargin: false };
  return {
    width: element.clientWidth, height: element.clientHeight, margin: { l: 52, r: 10, t: 8, b: 22 }, showlegend: false,
    paper_bgcolor: colour("--ground"), plot_bgcolor: colour("--ground"), hovermode: "x", dragmode: "zoom",
    hoverdistance: Math.max(16, element.clientWidth / series.x.length),
    font: { family: getComputedStyle(document.body).fontFamily, size: 11, color: colour("--ink-3") },
    hoverlabel: { bgcolor: colour("--raised"), bordercolor: colour("--line"), font: { size: 12, color: colour("--ink") }, align: "left" },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--ink-3"), activecolor: colour("--ink") },
    xaxis: { ...quiet, ...along(series, view), showspikes: true, spikemode: "across", spikethickness: 1, spikedash: "solid", spikecolor: colour("--ink-3"), spikesnap: "hovered data" },
    yaxis: { ...quiet, type: view.log ? "log" : "linear", fixedrange: true, nticks: 5, exponentformat: "e", hoverformat: ".4~g", minexponent: 5, dtick: view.log ? logStep(series) : undefined },
    yaxis2: { overlaying: "y", range: [0, 1], fixedrange: true, visible: false },
  };
}

/* On a logarithmic axis whole powers of ten, as soon as there are two of them; before that 1, 2 and 5. */
function logStep(series) {
  const high = series.max.reduce((most, value) => Math.max(most, value ?? 0), 0);
  const low = series.min.reduce((least, value) => (value > 0 ? Math.min(least, value) : least), Infinity);
  const powers = Math.log10(high / low);
  return powers >= 2 ? Math.ceil(powers / 5) : "D2";
}

function along(series, view) {
  const axis = { hoverformat: " ", nticks: 6, tickfont: { size: 11 }, showgrid: false };
  const range = view.range ?? padded(series);
  if (range) axis.range = range;
  if (view.axis === "time") return { ...axis, type: "date", tickformatstops: DATES };
  if (view.axis === "step") return { ...axis, type: "linear", exponentformat: "SI", separatethousands: true };
  return { ...axis, type: "linear", ...(range ? clockTicks(range) : {}) };
}

/* The line fills the width; a single point stands in the middle. */
function padded(series) {
  const ends = [...series.from, ...series.x.slice(0, 1), ...series.x.slice(-1), ...series.bad_x];
  if (!ends.length) return null;
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  if (low < high) return [low, high];
  const half = { step: 1, time: 1000, relative: 1 }[series.axis];
  return [low - half, high + half];
}

const [MINUTE, DAY] = [60_000, 86_400_000];
const DATES = [
  { dtickrange: [null, 999], value: "%H:%M:%S.%L" }, { dtickrange: [1000, MINUTE - 1], value: "%H:%M:%S" },
  { dtickrange: [MINUTE, DAY - 1], value: "%H:%M" }, { dtickrange: [DAY, null], value: "%-d %b" },
];
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];

function clockTicks([low, high]) {
  const span = high - low;
  if (!(span > 5)) return {};
  const step = STEPS.find((one) => span / one <= 6) ?? Math.ceil(span / 6 / 86400) * 86400;
  const tickvals = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) tickvals.push(at);
  return { tickvals, ticktext: tickvals.map((at) => (step < 60 && high < 60 ? `${at} s` : clock(at))) };
}
