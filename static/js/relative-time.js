/* Relative times stay true while the page is open: one timer for all of them. */

import { duration } from "./format.js";
import { dateTime, day } from "./local-time.js";

/** @type {[number, number, string][]} Seconds below which a unit is used, its length, its name. */
const UNITS = [
  [60, 1, "s"],
  [3600, 60, "min"],
  [86400, 3600, "h"],
  [30 * 86400, 86400, "d"],
];
/** @type {Set<HTMLTimeElement>} */
const elements = new Set();
let running = false;

/**
 * `3 min ago`
 * @param {number} moment milliseconds since 1970
 */
export function ago(moment, now = Date.now()) {
  const seconds = (now - moment) / 1000;
  if (seconds < 5) return "just now";
  for (const [limit, unit, name] of UNITS) {
    if (seconds < limit) return `${Math.floor(seconds / unit)} ${name} ago`;
  }
  return day(moment);
}

/** @param {HTMLTimeElement} element */
export function start(element) {
  if (!running) {
    running = true;
    setInterval(update, 1000);
    document.addEventListener("visibilitychange", update);
    document.addEventListener("htmx:after:settle", update);
  }
  elements.add(element);
  show(element);
}

function update() {
  if (document.hidden) return;
  for (const element of elements) {
    if (element.isConnected) show(element);
    else elements.delete(element);
  }
}

/** The titles of moments by how they are written: they are shown each second, and to write one anew takes long.
 * @type {Map<string, string>} */
const titles = new Map();

/** @param {HTMLTimeElement} element */
function show(element) {
  const moment = Date.parse(element.dateTime);
  const elapsed = element.dataset.js === "elapsed";
  const text = elapsed ? duration(Date.now() - moment) : ago(moment);
  if (element.textContent !== text) element.textContent = text;
  // The server does not know the reader's zone and writes UTC.
  const title = `${elapsed ? "since " : ""}${titleOf(element.dateTime, moment)}`;
  if (element.title !== title) element.title = title;
}

/**
 * @param {string} written
 * @param {number} moment
 */
function titleOf(written, moment) {
  const title = titles.get(written) ?? dateTime(moment);
  if (titles.size > 2000) titles.clear();
  titles.set(written, title);
  return title;
}
