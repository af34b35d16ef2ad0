/* A series as Plotly's traces and layout: the line, the band of what the line leaves out, marks of what is no number. */

import { layout } from "./axes.js";
import { colour } from "./colours.js";
import { count, place, placed, short } from "./format.js";

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
  return [...(series.exact ? [] : [band(series, run, view.log)]), line, ...marks(series)];
}

/* The outline is drawn too, finely: a single spike would be lost in a band one pixel wide. */
function band(series, run, log) {
  return {
    type: "scatter", mode: "lines", ...outline(series, log), connectgaps: false, hoverinfo: "skip",
    fill: "toself", fillcolor: colour(run, 0.18), line: { color: colour(run, 0.65), width: 0.75 },
  };
}

/* Around each unbroken stretch a polygon of its own: there along the greatest values, back along the least, closed, and
   a NaN behind it. On a log scale a stretch ends where nothing is above 0; a least value that is not leaves the chart
   by its lower edge, as Plotly draws the line. */
function outline({ x, min, max }, log) {
  const drawn = (i) => Number.isFinite(min[i]) && Number.isFinite(max[i]) && !(log && max[i] <= 0);
  const path = { x: [], y: [] };
  const go = (at, value) => {
    path.x.push(at);
    path.y.push(value);
  };
  for (let start = 0, end; start < x.length; start = end + 1) {
    end = start;
    while (end < x.length && drawn(end)) end += 1;
    if (end === start) continue;
    for (let i = start; i < end; i++) go(x[i], max[i]);
    for (let i = end - 1; i >= start; i--) go(x[i], min[i]);
    go(x[start], max[start]);
    go(x[start], NaN);
  }
  return path;
}

/* Beside the chart that is pointed at, the others say their values only. */
export const hover = { brief: false };

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
    const value = short(series.last[i]) + (low < high ? `  (${short(low)} to ${short(high)})` : "");
    if (hover.brief) return value;
    const points = Number(series.counts[i]);
    const lines = [value, placed(series, i)];
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
