/* Which line and which point are meant by a place in a chart, and what stands at an x. */

import { indexAfter, indexOf } from "./series.js";

/** @typedef {import("./card.js").Shown} Shown */
/** @typedef {import("./frame.js").Frame} Frame */
/** A line with the index of its point at the crosshair; `kind` is set where that is not finite.
 * @typedef {Shown & {i: number, value: number, kind: string | null}} Row */

const NEAR = 28; // Pixels from the pointer to a line that is meant.
const BESIDE_END = 8; // Pixels behind its end where a line is still meant.
const ON_MARK = 5; // Pixels from a mark of what is not finite.

/**
 * The index of the point that is nearest to an x, the last of several at one x; -1 if there is none.
 * @param {ArrayLike<number>} column sorted
 * @param {number} x
 */
export function indexNear(column, x) {
  const after = indexOf(column, x);
  if (after === column.length) return after - 1;
  if (after > 0 && x - column[after - 1] <= column[after] - x) return after - 1;
  return indexAfter(column, column[after]) - 1;
}

/**
 * The same of a series, whose line may turn back.
 * @param {import("./series.js").Series} series
 * @param {number} x
 */
export function pointNear({ x: column, isSorted }, x) {
  if (isSorted) return indexNear(column, x);
  let nearest = column.length - 1;
  for (let i = nearest; i >= 0; i--) if (Math.abs(column[i] - x) < Math.abs(column[nearest] - x)) nearest = i;
  return nearest;
}

/**
 * The line that is meant, if one is near, and the x of the point that is.
 * @param {Shown[]} shown
 * @param {Frame} frame
 * @param {{across: number, down: number}} pointer pixels from the corner of the plot
 * @returns {{meant: Shown | null, x: number | null}}
 */
export function pointedAt(shown, frame, { across, down }) {
  const x = frame.xAt(across);
  const mark = shown.flatMap(({ series }) => series.bad).find(([at]) => Math.abs(frame.across(at) - across) <= ON_MARK);
  /** @type {Shown | null} */
  let meant = null;
  let least = Infinity;
  for (const one of shown) {
    const distance = distanceTo(one, frame, x, down);
    if (distance >= least) continue;
    least = distance;
    meant = one;
  }
  const source = meant ?? shown.find(({ series }) => series.x.length);
  const near = source ? source.series.x[pointNear(source.series, x)] : null;
  return { meant: least <= NEAR ? meant : null, x: mark ? mark[0] : (near ?? null) };
}

/**
 * Pixels up or down from a place to a line, or to the least and greatest values around it.
 * @param {Shown} shown
 * @param {Frame} frame
 * @param {number} x
 * @param {number} down
 */
function distanceTo({ series, y }, frame, x, down) {
  const column = series.x;
  if (!isWithin(series, frame, x)) return Infinity;
  const i = pointNear(series, x);
  const next = x > column[i] === column[i + 1] > column[i] ? i + 1 : i - 1;
  // Between two points that are far apart the line is somewhere else than either.
  const part = next >= 0 && next < column.length ? (x - column[i]) / (column[next] - column[i]) : 0;
  const between = part > 0 ? y[i] + (y[next] - y[i]) * part : y[i];
  let least = Infinity;
  for (const value of [between, series.lowest(i), series.highest(i)]) {
    if (Number.isFinite(value)) least = Math.min(least, Math.abs(frame.down(value) - down));
  }
  return least;
}

/**
 * Whether a line goes as far as an x, or nearly so.
 * @param {import("./series.js").Series} series
 * @param {Frame} frame
 * @param {number} x
 */
function isWithin(series, frame, x) {
  const ends = series.ends();
  if (!ends) return false;
  const across = frame.across(x);
  return across >= frame.across(ends[0]) - BESIDE_END && across <= frame.across(ends[1]) + BESIDE_END;
}

/**
 * What the lines have at an x, the greatest value at first and what is not finite at the end.
 * @param {Shown[]} shown
 * @param {Frame} frame
 * @param {number} x
 * @returns {Row[]}
 */
export function rowsAt(shown, frame, x) {
  /** @type {Row[]} */
  const rows = [];
  for (const one of shown) {
    if (!isWithin(one.series, frame, x)) continue;
    const i = pointNear(one.series, x);
    const kind = one.series.bad.find(([at]) => at === x)?.[1] ?? null;
    rows.push({ ...one, i, value: kind ? NaN : one.y[i], kind });
  }
  return rows.sort((a, b) => order(b) - order(a));
}

/** @param {Row} row */
function order({ value }) {
  return Number.isNaN(value) ? -Infinity : value;
}

/**
 * Up to `most` rows with a certain one among them, and how many are left out on either side.
 * @template T
 * @param {T[]} rows
 * @param {number} around index
 * @param {number} most
 */
export function rowsAround(rows, around, most) {
  const start = Math.max(0, Math.min(around - Math.floor(most / 2), rows.length - most));
  const part = rows.slice(start, start + most);
  return { above: start, part, below: rows.length - start - part.length };
}
