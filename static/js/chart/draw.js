/* A series as Plotly's traces: the line, the band of what the line leaves out, marks of what is not finite. */

import { clock, count, exact, short } from "../format.js";
import { dateTime } from "../local-time.js";
import { layout } from "./axes.js";
import { colour } from "./colours.js";
import { valueScale } from "./value-scale.js";

/** @typedef {import("./series.js").Series} Series */
/** @typedef {import("./series.js").Axis} Axis */
/** @typedef {import("./view.js").View} View */
/** How the lines of a run look.
 * @typedef {{hue: string, dashed: boolean}} Style */

const FEW = 40; // Up to so many points each is worth a dot.
const CONFIG = {
  displaylogo: false,
  displayModeBar: "hover",
  plotlyServerURL: "",
  scrollZoom: false,
  doubleClick: false,
  modeBarButtons: [["toImage"]],
  showTips: false,
  responsive: false,
};

/**
 * Draw into an element, which keeps its size.
 * @param {import("./plotly.js").Plotly} Plotly
 * @param {HTMLElement} element
 * @param {string} name
 * @param {Series} series
 * @param {Style} style
 * @param {View} view
 */
export function draw(Plotly, element, name, series, style, view) {
  const config = { ...CONFIG, toImageButtonOptions: { filename: name.replace(/[^\w.-]+/g, "_"), scale: 2 } };
  const scale = valueScale(series, view);
  return Plotly.react(element, traces(series, style, view, scale.place), layout(element, series, view, scale), config);
}

/**
 * @param {Series} series
 * @param {Style} style
 * @param {View} view
 * @param {((value: number) => number) | null} place
 */
function traces(series, style, view, place) {
  const hue = `--hue-${style.hue}`;
  /** @param {number[]} values */
  const heights = (values) => (place ? Array.from(values, place) : values);
  const line = {
    type: "scatter",
    mode: series.x.length <= FEW ? "lines+markers" : "lines",
    x: series.x,
    y: heights(series.last),
    connectgaps: false,
    line: { color: colour(hue), width: 1.5, dash: style.dashed ? "6px,3px" : "solid" },
    marker: { color: colour(hue), size: series.x.length === 1 ? 7 : 4 },
    customdata: Array.from(series.x, (_, i) => new HoverText(series, i)),
    hovertemplate: "%{customdata}<extra></extra>",
  };
  if (series.exact) return [line, ...marks(series)];
  const { x, y } = outline(series, view.log);
  // The outline is drawn too, finely: a single spike would be lost in a band one pixel wide.
  const band = {
    type: "scatter",
    mode: "lines",
    x,
    y: heights(y),
    connectgaps: false,
    hoverinfo: "skip",
    fill: "toself",
    fillcolor: colour(hue, 0.18),
    line: { color: colour(hue, 0.65), width: 0.75 },
  };
  return [band, line, ...marks(series)];
}

/**
 * Around each unbroken stretch a polygon of its own: there along the greatest values, back along the least, closed, and
 * a NaN behind it. On a log scale a stretch ends where nothing is above 0; a least value that is not leaves the chart by
 * its lower edge, as Plotly draws the line.
 * @param {{x: number[], min: number[] | null, max: number[] | null}} series
 * @param {boolean} log
 */
export function outline({ x, min, max }, log) {
  /** @type {{x: number[], y: number[]}} */
  const path = { x: [], y: [] };
  if (!min || !max) return path;
  /** @param {number} i */
  const drawn = (i) => Number.isFinite(min[i]) && Number.isFinite(max[i]) && !(log && max[i] <= 0);
  /**
   * @param {number} at
   * @param {number} value
   */
  const lineTo = (at, value) => {
    path.x.push(at);
    path.y.push(value);
  };
  for (let start = 0, end = 0; start < x.length; start = end + 1) {
    end = start;
    while (end < x.length && drawn(end)) end += 1;
    if (end === start) continue;
    for (let i = start; i < end; i++) lineTo(x[i], max[i]);
    for (let i = end - 1; i >= start; i--) lineTo(x[i], min[i]);
    lineTo(x[start], max[start]);
    lineTo(x[start], NaN);
  }
  return path;
}

/** Beside the chart that is pointed at, the others show their values only. */
export const hoverMode = { brief: false };

/* What stands at a point, put into words only when somebody looks. Only numbers and our own words come in here, nothing
   that a user wrote. No bold: Plotly would set a style attribute. */
class HoverText {
  /**
   * @param {Series} series
   * @param {number} i
   */
  constructor(series, i) {
    this.series = series;
    this.i = i;
  }

  toString() {
    const { series, i } = this;
    const [value, low, high] = [series.last[i], series.lowest(i), series.highest(i)];
    const write = hoverMode.brief || !Number.isFinite(value) ? short : exact;
    const text = write(value) + (low < high ? `  (${write(low)} to ${write(high)})` : "");
    if (hoverMode.brief) return text;
    const points = Number(series.counts[i]);
    const lines = [text, positionLines(series, i)];
    if (points > 1) lines.push(`${count(points)} points up to here`);
    return lines.join("<br>");
  }
}

/**
 * Where an x is, in words.
 * @param {number | bigint} x
 * @param {Axis} axis
 */
export function position(x, axis) {
  if (axis === "step") return `step ${count(x)}`;
  return axis === "relative" ? `after ${clock(Number(x))}` : dateTime(Number(x));
}

/**
 * Where a point of a series is: on its axis first, then otherwise. A step has all its digits.
 * @param {Series} series
 * @param {number} i
 */
function positionLines({ axis, steps, times, x }, i) {
  const [step, time] = [position(steps[i], "step"), position(Math.round(times[i] * 1000), "time")];
  if (axis === "step") return `${step}<br>${time}`;
  return axis === "time" ? `${time}<br>${step}` : `${position(x[i], axis)}<br>${step}<br>${time}`;
}

/** The symbol of what is not finite, and its height as a part of the chart's.
 * @type {Record<string, [string, number]>} */
const SYMBOLS = { NaN: ["x", 0.03], Infinity: ["triangle-up", 0.96], "-Infinity": ["triangle-down", 0.03] };

/** @param {Series} series */
function marks({ bad, axis }) {
  if (!bad.length) return [];
  return [
    {
      type: "scatter",
      mode: "markers",
      yaxis: "y2",
      cliponaxis: false,
      x: bad.map(([x]) => x),
      y: bad.map(([, kind]) => SYMBOLS[kind][1]),
      marker: { symbol: bad.map(([, kind]) => SYMBOLS[kind][0]), size: 7, color: colour("--warn") },
      customdata: bad.map(([x, kind]) => `${kind}<br>${position(x, axis)}`),
      hovertemplate: "%{customdata}<extra></extra>",
    },
  ];
}
