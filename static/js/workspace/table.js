/* The table asked for anew: whatever changes it changes the address first. */

import { changed } from "../url-state.js";

/**
 * Show the table with some parameters of the address changed; the back button undoes it.
 * @param {Record<string, unknown>} changes
 */
export function go(changes) {
  const query = changed({ ...changes, after: null, limit: null });
  const url = location.pathname + (query ? `?${query}` : "");
  return window.htmx.ajax("GET", url, { source: "#runs", target: "#runs", swap: "outerMorph", push: "true" });
}

/** The keys of the columns from left to right, without the name's. */
export function columnKeys() {
  const heads = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#table th[data-column]"));
  return Array.from(heads, (head) => head.dataset.column ?? "").filter((key) => key !== "name");
}

/**
 * A list with one of its items moved to the left or to the right.
 * @template T
 * @param {T[]} list
 * @param {T} item
 * @param {number} by places; beyond the ends it stays at the end
 */
export function moved(list, item, by) {
  const from = list.indexOf(item);
  if (from < 0) return list;
  const rest = list.filter((one) => one !== item);
  const to = Math.min(rest.length, Math.max(0, from + by));
  return [...rest.slice(0, to), item, ...rest.slice(to)];
}

/** The keys of the order that somebody chose. @returns {string[]} */
export function currentSort() {
  return JSON.parse(document.getElementById("runs")?.dataset.sort ?? "[]");
}

/** A key of the order without its direction. @param {string} key */
export function bare(key) {
  return key.replace(/^-/, "");
}

/**
 * The order after a click on a head with shift: by its column after those before; if it is one of them it is turned round.
 * @param {string[]} sort the keys of the order, with `-` before those that go down
 * @param {string} key with the direction that reads best
 */
export function sortedBy(sort, key) {
  const before = sort.find((one) => bare(one) === bare(key));
  return withKey(sort, before === undefined ? key : before.startsWith("-") ? bare(key) : `-${bare(key)}`);
}

/**
 * An order with a further key, or with the direction of one of its keys.
 * @param {string[]} sort
 * @param {string} key
 */
export function withKey(sort, key) {
  if (sort.some((one) => bare(one) === bare(key))) return sort.map((one) => (bare(one) === bare(key) ? key : one));
  // No two runs are created as one: what came after that would decide nothing.
  const end = sort.findIndex((one) => bare(one) === "created");
  return end < 0 ? [...sort, key] : [...sort.slice(0, end), key, ...sort.slice(end)];
}

/**
 * `key:px` of each column that has a width of its own.
 * @param {string[]} widths
 * @param {string} key
 * @param {number | null} width in pixels; null for its own
 */
export function withWidth(widths, key, width) {
  const others = widths.filter((one) => one.slice(0, one.lastIndexOf(":")) !== key);
  return width === null ? others : [...others, `${key}:${Math.round(width)}`];
}
