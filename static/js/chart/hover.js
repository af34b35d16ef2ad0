/* What the pointer or the keys point at: a crosshair in all charts, and in one the table of what stands there. */

import { clock, count, exact, short } from "../format.js";
import { dateTime } from "../local-time.js";
import { swatch } from "./colours.js";
import { lineStyle } from "./draw.js";
import { pointedAt, rowsAround, rowsAt } from "./nearest.js";
import { measured } from "./units.js";
import { metricOf } from "./view.js";

/** @typedef {import("./card.js").Card} Card */
/** @typedef {import("./card.js").Shown} Shown */
/** @typedef {import("./nearest.js").Row} Row */
/** @typedef {import("./series.js").Axis} Axis */
/** @typedef {import("./series.js").Series} Series */

const MOST_ROWS = 12;
const BESIDE = 14; // Pixels from the crosshair to the table.

export class Hover {
  /** @param {import("./index.js").Charts} charts */
  constructor(charts) {
    this.charts = charts;
    /** @type {Card | null} */
    this.card = null;
    /** @type {{clientX: number, clientY: number} | null} where the pointer is, null if keys move the crosshair */
    this.pointer = null;
    /** @type {number | null} where the crosshair stands */
    this.x = null;
    /** @type {Shown | null} */
    this.meant = null;
    /** @type {Row[]} what stands at the crosshair */
    this.rows = [];
    this.frame = 0;
    this.table = document.createElement("div");
    this.table.className = "hover-table";
    this.table.hidden = true;
    this.table.setAttribute("aria-hidden", "true"); // It follows the pointer; for the keys there is an announcement.
    charts.root.after(this.table);
  }

  /** @param {Card} card */
  listen(card) {
    const { plot } = card;
    plot?.addEventListener("mousemove", ({ clientX, clientY }) => this.move(card, { clientX, clientY }));
    plot?.addEventListener("mouseleave", () => this.clear());
  }

  /**
   * @param {Card} card
   * @param {{clientX: number, clientY: number}} pointer
   */
  move(card, pointer) {
    this.card = card;
    this.pointer = pointer;
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.follow());
  }

  /** Look again at what is under the pointer. */
  follow() {
    const { card, pointer } = this;
    const found = card && pointer && !this.charts.interactions.dragging ? this.find(card, pointer) : null;
    if (!found || found.x === null) return this.hide();
    this.meant = found.meant;
    if (this.charts.runs.length > 1) this.charts.light(found.meant?.line.run.id ?? null);
    return this.show(found.x);
  }

  /**
   * The line and the x that a place in the window means; null out of the plot.
   * @param {Card} card
   * @param {{clientX: number, clientY: number}} pointer
   */
  find({ frame, plot, shown }, { clientX, clientY }) {
    if (!frame || !plot) return null;
    const { left, top } = plot.getBoundingClientRect();
    const [across, down] = [clientX - left - frame.left, clientY - top - frame.top];
    if (across < -2 || across > frame.width + 2 || down < 0 || down > frame.height) return null;
    return pointedAt(shown, frame, { across, down });
  }

  /**
   * The crosshair moved by keys.
   * @param {Card} card
   * @param {number} x
   * @param {Shown | null} meant
   */
  showAt(card, x, meant) {
    this.card = card;
    this.pointer = null;
    this.meant = meant;
    this.show(x);
  }

  /** @param {number} x */
  show(x) {
    this.x = x;
    for (const card of this.charts.cards.values()) {
      if (!this.isAlong(card)) card.overlay?.unpoint();
      else if (card.visible && card.frame) this.pointIn(card, x);
    }
  }

  /** Whether a card has the axis of the one that is pointed at. @param {Card} card */
  isAlong(card) {
    return this.card !== null && this.charts.viewOf(card).axis === this.charts.viewOf(this.card).axis;
  }

  /**
   * @param {Card} card
   * @param {number} x
   */
  pointIn(card, x) {
    const { frame, overlay } = card;
    if (!frame || !overlay) return;
    const rows = rowsAt(card.shown, frame, x);
    const { lit } = this.charts;
    const told = rows.length === 1 ? rows[0] : (rows.find(({ line }) => line.run.id === lit) ?? null);
    // In a crowd of lines a dot on each says nothing.
    const dotted = rows.length <= MOST_ROWS ? rows : rows.filter(({ line }) => line.run.id === lit);
    overlay.point(frame, x, dotted, card === this.card ? null : told);
    if (card !== this.card) return;
    this.rows = rows;
    this.charts.panels.pointed(card, x, rows);
    this.fillTable(card, x, rows);
  }

  /**
   * Mean the next line up or down at the crosshair.
   * @param {number} by 1 or -1
   * @returns whether there is more than one
   */
  next(by) {
    const { card, x, rows } = this;
    if (!card || x === null || rows.length < 2) return false;
    const now = rows.findIndex(({ line }) => line === this.meant?.line);
    this.meant = rows[Math.min(Math.max(0, now + by), rows.length - 1)];
    this.charts.light(this.meant.line.run.id);
    this.show(x);
    return true;
  }

  /**
   * @param {Card} card
   * @param {number} x
   * @param {Row[]} rows
   */
  fillTable(card, x, rows) {
    this.table.hidden = !rows.length || card === this.charts.panels.full.card; // There the table stands beside it.
    if (this.table.hidden) return;
    if (card.lines.length === 1) this.table.replaceChildren(...detailsOf(rows[0]));
    else this.table.replaceChildren(...this.listOf(card, x, rows));
    this.placeTable(card, x);
  }

  /**
   * @param {Card} card
   * @param {number} x
   * @param {Row[]} rows
   * @returns {Node[]}
   */
  listOf(card, x, rows) {
    const around = rows.findIndex(({ line }) => line === this.meant?.line);
    const { above, part, below } = rowsAround(rows, around, MOST_ROWS);
    const table = document.createElement("table");
    for (const row of part) {
      const tr = table.insertRow();
      tr.toggleAttribute("data-meant", row.line === this.meant?.line);
      tr.insertCell().append(swatch(lineStyle(row.line)));
      tr.insertCell().append(nameOf(row, card));
      tr.insertCell().append(row.kind ? short(row.kind) : measured(row.value, row.line.metric));
      if (row.line === this.meant?.line) insertRange(table, row);
    }
    const kinds = groupsOf(rows.flatMap(({ kind }) => kind ?? []));
    const head = paragraph("at", [position(x, this.charts.viewOf(card).axis), ...kinds].join(" · "));
    return [
      head,
      ...(above ? [paragraph("rest", `… ${count(above)} above`)] : []),
      table,
      ...(below ? [paragraph("rest", `… ${count(below)} more`)] : []),
    ];
  }

  /**
   * Beside the crosshair, on the side that has room.
   * @param {Card} card
   * @param {number} x
   */
  placeTable(card, x) {
    if (!card.plot || !card.frame) return;
    const box = card.plot.getBoundingClientRect();
    const across = box.left + card.frame.left + card.frame.across(x);
    const { offsetWidth: width, offsetHeight: height } = this.table;
    const middle = this.pointer?.clientY ?? box.top + box.height / 2;
    const onRight = across + BESIDE + width < document.documentElement.clientWidth - 4;
    const left = onRight ? across + BESIDE : Math.max(4, across - BESIDE - width);
    const top = Math.min(Math.max(4, middle - height / 2), innerHeight - height - 4);
    this.table.style.translate = `${Math.round(left)}px ${Math.round(top)}px`;
  }

  /** A card was drawn anew under the crosshair. @param {Card} card */
  drawn(card) {
    if (this.x === null) return;
    if (card === this.card && this.pointer) this.follow();
    else if (this.isAlong(card)) this.pointIn(card, this.x);
  }

  hide() {
    cancelAnimationFrame(this.frame);
    if (this.x === null) return;
    this.x = this.meant = null;
    this.rows = [];
    this.table.hidden = true;
    for (const card of this.charts.cards.values()) card.overlay?.unpoint();
    this.charts.panels.pointed(null, null, []);
    this.charts.light(null);
  }

  /** The pointer or the focus has left the charts. */
  clear() {
    this.hide();
    this.card = this.pointer = null;
  }
}

/**
 * How many of each kind are not finite, where there are several.
 * @param {string[]} kinds
 */
function groupsOf(kinds) {
  const different = [...new Set(kinds)];
  const number = (/** @type {string} */ kind) => kinds.filter((one) => one === kind).length;
  return different.filter((kind) => number(kind) > 1).map((kind) => `${short(kind)} in ${count(number(kind))} lines`);
}

/**
 * All that is known of the point of a single line.
 * @param {Row} row
 * @returns {Node[]}
 */
function detailsOf({ series, y, i, value, kind }) {
  if (kind) return [paragraph("exactly", short(kind)), ...positionLines(series, i).map((text) => paragraph("", text))];
  if (series.group) return detailsOfMean(series, i);
  const points = Number(series.counts[i]);
  const [low, high] = [series.lowest(i), series.highest(i)];
  const write = Number.isFinite(value) ? exact : short;
  return [
    paragraph("exactly", y === series.last ? write(value) : short(value)),
    ...(y === series.last ? [] : [paragraph("", `${write(series.last[i])} as logged`)]),
    ...(low < high ? [paragraph("", `${short(low)} to ${short(high)}`)] : []),
    ...positionLines(series, i).map((text) => paragraph("", text)),
    ...(points > 1 ? [paragraph("", `${count(points)} points up to here`)] : []),
  ];
}

/**
 * @param {Series} series
 * @param {number} i
 */
function detailsOfMean(series, i) {
  return [
    paragraph("exactly", short(series.last[i])),
    paragraph("", `± ${short((series.highest(i) - series.lowest(i)) / 2)}`),
    paragraph("", position(series.x[i], series.axis)),
    paragraph("", `mean of ${count(Math.round(Number(series.counts[i])))} runs here`),
  ];
}

/**
 * Under a row the least and the greatest value of its bucket.
 * @param {HTMLTableElement} table
 * @param {Row} row
 */
function insertRange(table, { series, i }) {
  const [low, high] = [series.lowest(i), series.highest(i)];
  if (!(low < high)) return;
  const cell = table.insertRow().insertCell();
  cell.colSpan = 3;
  cell.append(series.group ? `± ${short((high - low) / 2)}` : `${short(low)} to ${short(high)}`);
}

/**
 * @param {Pick<Row, "line">} row
 * @param {Card} card
 */
export function nameOf({ line }, card) {
  if (!card.isOfMany) return line.run.name;
  return card.lines.length === card.spec.metrics.length ? line.metric : `${line.run.name} · ${line.metric}`;
}

/**
 * @param {string} className
 * @param {string} text
 */
function paragraph(className, text) {
  const element = document.createElement("p");
  element.className = className;
  element.textContent = text;
  return element;
}

/**
 * Where an x is, in words.
 * @param {number | bigint} x
 * @param {Axis} axis
 */
export function position(x, axis) {
  if (axis === "step") return `step ${count(x)}`;
  const metric = metricOf(axis);
  if (metric !== null) return `${metric} ${short(Number(x))}`;
  return axis === "relative" ? `after ${clock(Number(x))}` : dateTime(Number(x));
}

/**
 * Where a point of a series is: on its axis first, then otherwise. A step has all its digits.
 * @param {Series} series
 * @param {number} i
 */
function positionLines({ axis, steps, times, x }, i) {
  const [step, time] = [position(steps[i], "step"), position(Math.round(times[i] * 1000), "time")];
  if (axis === "step") return [step, time];
  return axis === "time" ? [time, step] : [position(x[i], axis), step, time];
}
