/* The lines of a card as Plotly's traces: the lines, the bands of what they leave out, marks of what is not finite. */

import { layout } from "./axes.js";
import { colour, styleOf } from "./colours.js";
import { measured, unitOf } from "./units.js";
import { valueScale } from "./value-scale.js";

/** @typedef {import("./card.js").Shown} Shown */
/** @typedef {import("./colours.js").Style} Style */
/** @typedef {import("./frame.js").Frame} Frame */
/** @typedef {import("./series.js").Series} Series */
/** @typedef {import("./view.js").View} View */
/** @typedef {(values: ArrayLike<number>) => ArrayLike<number>} Heights */

const FEW = 40; // Up to so many points each is worth a dot.
const MOST_BANDS = 5; // Of more lines the bands would cover each other: then only the one that is lit has its own.
const CONFIG = { staticPlot: true, plotlyServerURL: "" }; // What the pointer does is ours: hover.js, interactions.js.

/**
 * Draw into an element, which keeps its size, and say where things stand.
 * @param {import("./plotly.js").Plotly} Plotly
 * @param {HTMLElement} element
 * @param {Shown[]} shown
 * @param {View} view
 */
export async function draw(Plotly, element, shown, view) {
  const all = shown.map(({ series }) => series);
  const scale = withUnits(valueScale(all, view), shown);
  const { plan, frame } = layout(element, all, view, scale);
  await Plotly.react(element, traces(shown, view, scale.place, frame), plan, CONFIG);
  return frame;
}

/**
 * The ticks of a metric of the machine with its unit.
 * @param {import("./value-scale.js").ValueScale} scale
 * @param {Shown[]} shown
 */
function withUnits(scale, shown) {
  const metric = shown[0]?.line.metric ?? "";
  const unit = unitOf(metric);
  if (!unit || !scale.ticks || scale.place || shown.some(({ line }) => unitOf(line.metric) !== unit)) return scale;
  const { tickvals } = scale.ticks;
  return { ...scale, ticks: { tickvals, ticktext: tickvals.map((value) => measured(value, metric)) } };
}

/** How a line is told apart from the others of its card: runs by colour, the metrics of one run too, those of several by
 * their dashes.
 * @param {import("./line.js").Line} line
 * @returns {Style}
 */
export function lineStyle({ card, run, metric }) {
  const style = styleOf(run.colour);
  const place = card.spec.metrics.indexOf(metric);
  if (!card.isOfMany || place < 1) return style;
  if (card.lines.length === card.spec.metrics.length) return styleOf((run.colour + place) % 20);
  return { hue: style.hue, dash: ["2,2", "8,2,2,2", "1,3", "12,3"][(place - 1) % 4] };
}

/**
 * Lines that look alike share a trace; what lies behind them has no dashes, so one hue does for that. It is by traces that Plotly takes its time.
 * @param {Shown[]} shown
 * @param {View} view
 * @param {((value: number) => number) | null} place
 * @param {Frame} frame
 */
function traces(shown, view, place, frame) {
  /** @type {Heights} */
  const heights = (values) => (place ? Float64Array.from(values, place) : values);
  const groups = groupBy(shown, ({ line, series }) => {
    const { hue, dash } = lineStyle(line);
    return `${hue} ${dash} ${series.x.length <= FEW}`;
  });
  const hues = (/** @type {Shown[]} */ lines) => groupBy(lines, ({ line }) => lineStyle(line).hue);
  const banded = hues(shown.filter(({ series }) => !series.exact));
  const hasBands = shown.length <= MOST_BANDS;
  return [
    ...banded.flatMap((group) => bandTrace(group, view, heights, hasBands)),
    ...(view.smoothing ? hues(shown).map((group) => rawTrace(group, heights)) : []),
    ...groups.map((group) => lineTrace(group, heights, shown.length)),
    ...markTrace(shown, frame),
  ];
}

/**
 * @template T
 * @param {T[]} items
 * @param {(item: T) => string} key
 */
function groupBy(items, key) {
  /** @type {Map<string, T[]>} */
  const groups = new Map();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return [...groups.values()];
}

/**
 * @param {Shown[]} group
 * @param {Heights} heights
 * @param {number} lines of the whole chart
 */
function lineTrace(group, heights, lines) {
  const { hue, dash } = lineStyle(group[0].line);
  const longest = Math.max(...group.map(({ series }) => series.x.length));
  const { x, y } = joined(group.map(({ series: { x }, y }) => ({ x, y })));
  return {
    type: "scatter",
    mode: longest <= FEW ? "lines+markers" : "lines",
    x,
    y: heights(y),
    connectgaps: false,
    line: { color: colour(hue), width: 1.5, dash: dash ? dash.replace(/\d+/g, "$&px") : "solid" },
    marker: { color: colour(hue), size: longest === 1 ? 7 : lines > MOST_BANDS ? 3 : 4 },
    hoverinfo: "skip",
    meta: { kind: "line", runs: group.map(({ line }) => line.run.id) },
  };
}

/**
 * Faint behind a smoothed line: what it is made of.
 * @param {Shown[]} group
 * @param {Heights} heights
 */
function rawTrace(group, heights) {
  const { hue } = lineStyle(group[0].line);
  const { x, y } = joined(group.map(({ series: { x, last } }) => ({ x, y: last })));
  return {
    type: "scatter",
    mode: "lines",
    x,
    y: heights(y),
    connectgaps: false,
    hoverinfo: "skip",
    line: { color: colour(hue, 0.3), width: 1 },
    meta: { kind: "raw", runs: group.map(({ line }) => line.run.id) },
  };
}

/**
 * @param {Shown[]} group
 * @param {View} view
 * @param {Heights} heights
 * @param {boolean} filled
 */
function bandTrace(group, view, heights, filled) {
  const { hue } = lineStyle(group[0].line);
  const { x, y } = joined(group.map(({ series }) => outline(series, view.log)));
  if (!x.length) return [];
  // The outline is drawn too, finely: a single spike would be lost in a band one pixel wide.
  return [
    {
      type: "scatter",
      mode: "lines",
      x,
      y: heights(y),
      connectgaps: false,
      hoverinfo: "skip",
      ...(filled ? { fill: "toself", fillcolor: colour(hue, 0.18) } : {}),
      line: { color: colour(hue, filled ? 0.65 : 0.5), width: 0.75 },
      meta: { kind: "band", runs: group.map(({ line }) => line.run.id) },
    },
  ];
}

/**
 * Lines one behind the other, with a gap between them; typed, as Plotly looks at each value of an ordinary array.
 * @param {{x: ArrayLike<number>, y: ArrayLike<number>}[]} lines
 * @returns {{x: Float64Array, y: Float64Array}}
 */
export function joined(lines) {
  const length = Math.max(0, lines.reduce((sum, { x }) => sum + x.length + 1, 0) - 1);
  const [x, y] = [new Float64Array(length).fill(NaN), new Float64Array(length).fill(NaN)];
  let at = 0;
  for (const line of lines) {
    x.set(line.x, at);
    y.set(line.y, at);
    at += line.x.length + 1;
  }
  return { x, y };
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

const MARK = 6; // Pixels.

/** The symbol of what is not finite, and its height as a part of the chart's.
 * @type {Record<string, [string, number]>} */
const SYMBOLS = { NaN: ["x", 0.03], Infinity: ["triangle-up", 0.96], "-Infinity": ["triangle-down", 0.03] };

/**
 * One mark for all of a kind that stand at one place: how many lines have it there, the table at the crosshair says.
 * @param {Shown[]} shown
 * @param {Frame} frame
 */
function markTrace(shown, frame) {
  /** @type {Map<string, [number, string]>} */
  const places = new Map();
  for (const mark of shown.flatMap(({ series }) => series.bad)) {
    const key = `${mark[1]} ${Math.round(frame.across(mark[0]) / MARK)}`;
    if (!places.has(key)) places.set(key, mark);
  }
  const bad = [...places.values()];
  if (!bad.length) return [];
  return [
    {
      type: "scatter",
      mode: "markers",
      yaxis: "y2",
      cliponaxis: false,
      x: bad.map(([x]) => x),
      y: bad.map(([, kind]) => SYMBOLS[kind][1]),
      marker: { symbol: bad.map(([, kind]) => SYMBOLS[kind][0]), size: MARK, color: colour("--warn") },
      hoverinfo: "skip",
      meta: { kind: "mark" },
    },
  ];
}
