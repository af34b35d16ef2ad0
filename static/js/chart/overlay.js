/* What lies over a chart: the line that is lit, the crosshair with a dot on each line, the stretch that is zoomed into, and
   the surface that the pointer acts on. Drawn without Plotly, which would take as long as for the whole chart. */

import { count, short } from "../format.js";
import { lineStyle, outline } from "./draw.js";
import { measured } from "./units.js";

/** @typedef {import("./card.js").Card} Card */
/** @typedef {import("./card.js").Shown} Shown */
/** @typedef {import("./frame.js").Frame} Frame */
/** @typedef {import("./nearest.js").Row} Row */

const SVG = "http://www.w3.org/2000/svg";

export class Overlay {
  /** @param {HTMLElement} plot */
  constructor(plot) {
    this.plot = plot;
    this.svg = svg("svg", { class: "overlay", "aria-hidden": "true" });
    // A picture inside of the picture: what is drawn in it ends at the edges of the plot.
    this.area = svg("svg", {});
    this.lit = svg("g", {});
    this.cross = svg("g", {});
    this.area.append(this.lit);
    this.svg.append(this.area, this.cross);
    this.chip = document.createElement("span");
    this.chip.className = "chip";
    this.chip.hidden = true;
    this.chip.setAttribute("aria-hidden", "true");
    this.edges = document.createElement("div");
    this.edges.className = "edges";
    this.surface = document.createElement("div");
    this.surface.className = "surface";
    this.stretch = document.createElement("div");
    this.stretch.className = "stretch";
    this.stretch.hidden = true;
    this.surface.append(this.stretch);
  }

  /** @param {Frame} frame */
  place({ left, top, width, height, scale }) {
    setAttributes(this.area, { x: left, y: top, width: Math.max(0, width), height: Math.max(0, height) });
    setAttributes(this.cross, { transform: `translate(${left} ${top})` });
    this.edges.replaceChildren(...edgesOf(scale.outside));
    this.showStretch(null);
    const box = { left, top, width: Math.max(0, width), height: Math.max(0, height) };
    for (const [name, pixels] of Object.entries(box)) this.surface.style.setProperty(name, `${pixels}px`);
    if (!this.surface.isConnected) this.plot.append(this.surface, this.svg, this.edges, this.chip);
  }

  /**
   * Lines come to the front with their bands, and all others fade; null for none.
   * @param {Shown[] | null} lines
   * @param {Frame} frame
   * @param {boolean} log
   */
  light(lines, frame, log) {
    this.plot.toggleAttribute("data-lit", lines !== null);
    const paths = (lines ?? []).map(({ line, series, y }) => {
      const { hue, dash } = lineStyle(line);
      const group = svg("g", { class: hue.slice(2) });
      const band = series.exact ? "" : pathOf(outline(series, log), frame);
      if (band) group.append(svg("path", { class: "band", d: band }));
      group.append(svg("path", { class: "line", d: pathOf({ x: series.x, y }, frame), "stroke-dasharray": dash }));
      return group;
    });
    this.lit.replaceChildren(...paths);
  }

  /**
   * The crosshair at an x, with a dot on each row's line and the value of one of them in words.
   * @param {Frame} frame
   * @param {number} x
   * @param {Row[]} rows
   * @param {Row | null} told
   */
  point(frame, x, rows, told) {
    const across = frame.across(x);
    const isInside = across >= -1 && across <= frame.width + 1;
    const marks = isInside ? [svg("path", { class: "hair", d: `M${round(across)},0V${frame.height}` })] : [];
    for (const { line, series, value, i } of isInside ? rows : []) {
      if (!Number.isFinite(value)) continue;
      const [cx, cy] = [frame.across(series.x[i]), frame.down(value)];
      if (cy >= -1 && cy <= frame.height + 1) {
        marks.push(svg("circle", { class: lineStyle(line).hue.slice(2), cx: round(cx), cy: round(cy), r: 3 }));
      }
    }
    this.cross.replaceChildren(...marks);
    this.chip.hidden = !isInside || !told;
    if (told && isInside) this.tell(frame, across, told);
  }

  /**
   * @param {Frame} frame
   * @param {number} across
   * @param {Row} row
   */
  tell(frame, across, { value, kind, line }) {
    this.chip.textContent = kind ? short(kind) : measured(value, line.metric);
    const down = Number.isFinite(value) ? Math.min(Math.max(frame.down(value), 0), frame.height) : 0;
    const onLeft = across > frame.width - 64;
    this.chip.style.top = `${frame.top + down}px`;
    this.chip.style.left = `${frame.left + across + (onLeft ? -8 : 8)}px`;
    this.chip.toggleAttribute("data-left", onLeft);
  }

  /** @param {import("./ticks.js").Range | null} ends pixels from the left of the plot */
  showStretch(ends) {
    this.stretch.hidden = ends === null;
    if (ends === null) return;
    this.stretch.style.left = `${ends[0]}px`;
    this.stretch.style.width = `${ends[1] - ends[0]}px`;
  }

  unpoint() {
    this.cross.replaceChildren();
    this.chip.hidden = true;
  }
}

/**
 * At the edges of the plot, what a chosen range of values leaves out.
 * @param {import("./value-scale.js").ValueScale["outside"]} outside
 */
function edgesOf(outside) {
  if (!outside) return [];
  return /** @type {const} */ (["above", "below"]).flatMap((side) => {
    const number = outside[side];
    if (!number) return [];
    const edge = document.createElement("span");
    edge.className = side;
    const points = number === 1 ? "1 point" : `${count(number)} points`;
    const places = number === 1 ? "one place" : `${count(number)} places`;
    edge.textContent = outside.exact ? `${points} ${side}` : `${side} in ${places}`;
    return [edge];
  });
}

/**
 * @param {{x: ArrayLike<number>, y: ArrayLike<number>}} line
 * @param {Frame} frame
 */
function pathOf({ x, y }, frame) {
  const parts = [];
  let pen = "M";
  for (let i = 0; i < x.length; i++) {
    if (!Number.isFinite(y[i])) {
      pen = "M";
      continue;
    }
    parts.push(`${pen}${round(frame.across(x[i]))},${round(frame.down(y[i]))}`);
    pen = "L";
  }
  return parts.join("");
}

/** @param {number} pixels */
function round(pixels) {
  return Math.round(Math.min(Math.max(pixels, -1e5), 1e5) * 10) / 10;
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 */
function svg(name, attributes) {
  const element = document.createElementNS(SVG, name);
  setAttributes(element, attributes);
  return element;
}

/**
 * @param {Element} element
 * @param {Record<string, string | number>} attributes
 */
function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
}
