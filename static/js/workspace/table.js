/* The table asked for anew: whatever changes it changes the address first. */

import { changed, current } from "../url-state.js";

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

/**
 * The order after a click on a head: by this column alone or, with shift, by it after those before. A second click turns it.
 * @param {string[]} sort the keys of the order, with `-` before those that go down
 * @param {string} key as the head's link has it, with the direction that reads best
 * @param {boolean} further
 */
export function sortedBy(sort, key, further) {
  const bare = key.replace(/^-/, "");
  const before = sort.find((one) => one.replace(/^-/, "") === bare);
  const next = before === undefined ? key : before.startsWith("-") ? bare : `-${bare}`;
  if (!further) return [next];
  return before === undefined ? [...sort, next] : sort.map((one) => (one === before ? next : one));
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

/** The keys of the order that the table is in. */
export function currentSort() {
  const sort = current().getAll("sort").filter(Boolean);
  return sort.length ? sort : ["-created"];
}
