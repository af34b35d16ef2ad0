/* A figure that the server composed: fetched and drawn once it is near, in the colours of the theme. */

import { colour } from "../chart/colours.js";
import { loadPlotly } from "../chart/plotly.js";
import { Axes } from "./axes.js";
import { Brush } from "./brush.js";
import { chartsDrawn } from "./charts-first.js";
import { raiseLit } from "./parts.js";
import { themed } from "./theme.js";

/** @typedef {{data: any[], layout: any}} Drawing */

const AXIS_WIDTH = 120; // Pixels that an axis of parallel coordinates takes at least: on a phone one scrolls.
const RENEW_EVERY = 10_000; // Milliseconds, while runs go on.
const CONFIG = {
  displaylogo: false,
  displayModeBar: false,
  plotlyServerURL: "",
  scrollZoom: false,
  doubleClick: false,
  showTips: false,
};

/** @param {HTMLElement} element with data-kind and data-source */
export function start(element) {
  new Figure(element);
}

class Figure {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.near = false;
    this.width = 0;
    this.source = ""; // What is drawn.
    /** @type {Drawing | null} */
    this.drawing = null;
    /** @type {any} */
    this.canvas = null;
    this.brush = element.dataset.kind === "parallel" ? new Brush(element) : null;
    this.axes = this.brush && new Axes(element, this.brush);
    /** @type {ReturnType<typeof setTimeout> | null} */
    this.renewal = null;
    new IntersectionObserver(([entry]) => this.seen(entry.isIntersecting), { rootMargin: "240px 0px" }).observe(
      element,
    );
    new ResizeObserver(() => this.canvas && this.width !== this.element.clientWidth && this.draw()).observe(element);
    document.addEventListener("theme:change", () => this.draw());
    document.addEventListener("htmx:after:settle", () => this.element.dataset.source !== this.source && this.load());
    document.body.addEventListener("live:metrics", () => this.renewSoon());
    document.body.addEventListener("live:project", () => this.renewSoon());
    document.body.addEventListener("runs:lit", ({ detail }) => this.light(detail.id));
  }

  /** @param {boolean} near */
  seen(near) {
    this.near = near;
    if (near && this.element.dataset.source !== this.source) this.load();
  }

  renewSoon() {
    this.renewal ??= setTimeout(() => {
      this.renewal = null;
      if (this.near && !document.hidden) this.load();
    }, RENEW_EVERY);
  }

  async load() {
    if (!this.near || !this.element.isConnected) return;
    const source = this.element.dataset.source ?? "";
    this.source = source;
    await chartsDrawn();
    if (source !== this.source) return;
    try {
      const [answer] = await Promise.all([fetch(source), this.plotly()]);
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const drawing = await answer.json();
      if (source !== this.source) return; // Another one was asked for meanwhile.
      this.drawing = drawing;
      await this.draw();
    } catch (error) {
      this.source = "";
      this.say(`The figure could not be drawn: ${error instanceof Error ? error.message : error}. `);
    }
  }

  plotly() {
    const root = /** @type {HTMLElement | null} */ (this.element.closest("[data-plotly]"));
    return loadPlotly(root?.dataset.plotly ?? "");
  }

  /** @param {string} text */
  say(text) {
    if (this.canvas) return;
    const message = document.createElement("p");
    message.className = "message";
    const again = document.createElement("button");
    again.type = "button";
    again.textContent = "Try again";
    again.addEventListener("click", () => this.load());
    message.append(text, again);
    this.element.replaceChildren(message);
  }

  async draw() {
    if (!this.drawing || !this.element.checkVisibility()) return;
    const Plotly = await this.plotly();
    if (!this.canvas) this.makeCanvas();
    if (this.brush) this.element.style.minWidth = `${this.drawing.layout.meta.axes.length * AXIS_WIDTH}px`;
    this.width = this.element.clientWidth;
    const { data, layout } = themed(this.drawing, colour);
    await Plotly.react(this.canvas, data, this.styled(layout), CONFIG);
    if (!this.listening) this.listen();
    this.brush?.drawn(this.canvas);
    this.axes?.drawn();
  }

  makeCanvas() {
    this.canvas = document.createElement("div");
    this.canvas.className = "canvas";
    this.element.replaceChildren(this.canvas);
    if (this.brush) this.brush.handles = [];
  }

  /** @param {any} layout as the server sends it */
  styled(layout) {
    const narrow = this.width < 640;
    const axis = {
      gridcolor: colour("--grid"),
      linecolor: colour("--line"),
      tickfont: { size: 11 },
      exponentformat: "e",
      automargin: !this.brush,
    };
    return {
      ...layout,
      width: this.width,
      height: this.element.clientHeight,
      font: { family: getComputedStyle(document.body).fontFamily, size: 11, color: colour("--ink-2") },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      margin: this.brush ? { l: 0, r: 8, t: 32, b: 8 } : { l: narrow ? 48 : 64, r: 8, t: 8, b: 48 },
      dragmode: false,
      hoverlabel: {
        align: "left",
        bgcolor: colour("--raised"),
        bordercolor: colour("--line"),
        font: { color: colour("--ink") },
      },
      legend: { orientation: narrow ? "h" : "v", itemclick: false, itemdoubleclick: false },
      xaxis: { ...axis, ...layout.xaxis, fixedrange: true },
      yaxis: { ...axis, ...layout.yaxis, fixedrange: true },
    };
  }

  listen() {
    this.listening = true;
    this.canvas.on("plotly_click", (/** @type {any} */ { points, event }) => {
      const address = points[0]?.customdata?.[0] ?? "";
      // Only where the server's own addresses lead.
      if (this.brush?.moved || !/^\/app\/runs\/\d+$/.test(address)) return;
      if (event?.ctrlKey || event?.metaKey) open(address, "_blank", "noopener");
      else location.assign(address);
    });
    this.canvas.on("plotly_hover", (/** @type {any} */ { points }) => raiseLit(points[0]?.customdata?.[1] ?? null));
    this.canvas.on("plotly_unhover", () => raiseLit(null));
  }

  /** @param {number | null} id of the run that is pointed at somewhere */
  light(id) {
    if (!this.canvas) return;
    const ids = /** @type {number[]} */ (this.canvas.layout?.meta?.runs ?? []);
    const marks = this.brush
      ? this.brush.runs.map(({ line }) => line)
      : [...this.canvas.querySelectorAll(".scatterlayer .trace:first-child .points path")];
    this.canvas.toggleAttribute("data-lit", id !== null && ids.includes(id));
    ids.forEach((run, i) => {
      marks[i]?.toggleAttribute("data-lit", run === id);
    });
  }
}
