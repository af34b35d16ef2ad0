/* The table asked for anew: whatever changes it changes the address first, and asks for what the address says then. So nothing is
   lost that was changed since the links were rendered, or while an answer is on its way. */

import { difference, push, write } from "../url-state.js";

/** What belongs to the rows that have been loaded, and not to what is asked for. */
const FROM_THE_TOP = { after: null, limit: null };

/**
 * Show the table with some parameters of the address changed; the back button undoes it.
 * @param {Record<string, unknown>} changes
 */
export function go(changes) {
  push({ ...typed(), ...changes, ...FROM_THE_TOP });
  return window.htmx.ajax("GET", location.pathname + location.search, {
    source: "#runs",
    target: "#runs",
    swap: "outerMorph",
  });
}

export function startTable() {
  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    const source = ctx.sourceElement;
    if (!source || !(source.id === "search" || source.matches("a[hx-target='#runs']"))) return;
    if (source.id === "search") write({ ...typed(), ...FROM_THE_TOP });
    else push({ ...typed(), ...changesOf(/** @type {HTMLAnchorElement} */ (source)), ...FROM_THE_TOP });
    ctx.request.action = location.pathname + location.search;
    ctx.request.body = new FormData();
    ctx.push = ctx.replace = "false";
  });
}

/** What is in the search box, whether it has been asked for or not. */
function typed() {
  const field = /** @type {HTMLInputElement | null} */ (document.querySelector("#search input[name=q]"));
  return field ? { q: field.value } : {};
}

/** What a link changes of the address from which it was rendered. @param {HTMLAnchorElement} link */
function changesOf(link) {
  const rendered = new URL(document.getElementById("runs")?.getAttribute("hx-get") ?? "", location.href);
  return difference(new URL(link.href).searchParams, rendered.searchParams);
}

/** What a column of a metric may show. */
export const VALUES = ["last", "min", "max", "mean", "best"];

/**
 * What the address says when a column shows another of its metric's values, and the table is sorted by it: small ones first
 * where they are the good ones. By a mean no table is sorted.
 * @param {string[]} keys of the columns
 * @param {string} key of the column
 * @param {{of: string, base: string, better: string}} value which one, the key of the last one, and whether `min` or `max` is good
 */
export function withValue(keys, key, { of, base, better }) {
  const keyOf = (/** @type {string} */ one) => (one === "last" ? base : `${base}.${one}`);
  const show = [...new Set(keys.map((one) => (one === key ? keyOf(of) : one)))];
  if (of === "mean") return { show };
  const stored = of === "best" ? better : of;
  const isSmallFirst = stored === "min" || (of === "last" && better === "min");
  return { show, sort: `${isSmallFirst ? "" : "-"}${keyOf(stored)}` };
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
