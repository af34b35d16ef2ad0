/* Ranges on the axes of parallel coordinates: which runs pass through all of them, and how a range is written. */

import { short } from "../format.js";

/** An axis as the server describes it; places on it go from 0 to 1.
 * @typedef {{key: string, label: string, low: number, high: number, log: boolean, categories: string[] | null}} Axis */
/** From and to, by the key of the axis.
 * @typedef {Map<string, [number, number]>} Ranges */

const SMALLEST = 0.01;
const SNAP = 0.02;

/**
 * Whether a run passes: within the range of each axis that has one. Where it has no value it does not.
 * @param {(number | null)[]} places a place for each axis
 * @param {Axis[]} axes
 * @param {Ranges} ranges
 */
export function passes(places, axes, ranges) {
  return axes.every(({ key }, i) => {
    const range = ranges.get(key);
    const place = places[i];
    // Half of a thousandth, to which the address rounds.
    return !range || (place !== null && place >= range[0] - 0.0005 && place <= range[1] + 0.0005);
  });
}

/**
 * From the address: `config.lr:0.2..0.85`.
 * @param {string[]} texts
 * @returns {Ranges}
 */
export function readRanges(texts) {
  /** @type {Ranges} */
  const ranges = new Map();
  for (const text of texts) {
    const found = /^(.+):(\d?\.?\d+)\.\.(\d?\.?\d+)$/.exec(text);
    if (found) ranges.set(found[1], ordered(Number(found[2]), Number(found[3])));
  }
  return ranges;
}

/** @param {Ranges} ranges */
export function writeRanges(ranges) {
  return Array.from(ranges, ([key, [from, to]]) => `${key}:${rounded(from)}..${rounded(to)}`);
}

/** @param {number} place */
function rounded(place) {
  return Number(place.toFixed(3));
}

/**
 * Two ends within the axis, the lower one first, and not the same one.
 * @param {number} one
 * @param {number} other
 * @returns {[number, number]}
 */
export function ordered(one, other) {
  const [from, to] = [Math.min(one, other), Math.max(one, other)].map((end) => Math.min(Math.max(end, 0), 1));
  return to - from >= SMALLEST ? [from, to] : [Math.max(0, to - SMALLEST), Math.max(to, SMALLEST)];
}

/**
 * Close to an end of the axis is the end: a pointer hardly hits it.
 * @param {number} place
 */
export function snapped(place) {
  if (place < SNAP) return 0;
  return place > 1 - SNAP ? 1 : place;
}

/**
 * A range in the words of its axis.
 * @param {Axis} axis
 * @param {[number, number] | undefined} range
 */
export function describe(axis, range) {
  if (!range) return "all";
  const { categories } = axis;
  if (categories) {
    const last = Math.max(1, categories.length - 1);
    const within = categories.filter((_, i) => {
      const place = categories.length > 1 ? i / last : 0.5;
      return place >= range[0] - 0.0005 && place <= range[1] + 0.0005;
    });
    return within.join(", ") || "none";
  }
  return `${short(valueAt(axis, range[0]))} to ${short(valueAt(axis, range[1]))}`;
}

/**
 * @param {Axis} axis
 * @param {number} place
 */
export function valueAt({ low, high, log }, place) {
  return log ? low * (high / low) ** place : low * (1 - place) + high * place;
}

/**
 * A range after a key was pressed, null where it is gone, undefined where the key means nothing: arrows move it, with Shift
 * its upper end only.
 * @param {[number, number] | undefined} range
 * @param {string} key
 * @param {boolean} shift
 * @returns {[number, number] | null | undefined}
 */
export function afterKey(range, key, shift) {
  if (key === "Escape") return range ? null : undefined;
  const step = { ArrowUp: 0.05, ArrowDown: -0.05, PageUp: 0.2, PageDown: -0.2 }[key];
  if (step === undefined) return undefined;
  // The first press takes half of the axis: the one that it points to.
  if (!range) return step > 0 ? [0.5, 1] : [0, 0.5];
  const [from, to] = range;
  if (shift) return ordered(from, Math.max(to + step, from + SMALLEST));
  const move = Math.min(Math.max(step, -from), 1 - to);
  return [from + move, to + move];
}
