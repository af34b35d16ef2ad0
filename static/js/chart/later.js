/* The charts after the first ones: the page sends their names as data, and they take their places once the first are
   drawn, so that a page of a thousand metrics has no more to read and lay out before than one of twenty. */

import { start as collapse } from "../collapse.js";
import { count } from "../format.js";
import { read } from "../url-state.js";
import { applySearch } from "./search.js";

/** Charts of a section in their order: what follows the section's name in theirs, and of a single run the last steps and
 * values.
 * @typedef {{section: string, names: string[], steps?: number[], lasts?: string[]}} LaterCharts */

/**
 * All charts are needed at once if some are looked for, or have other places, or the page is shown where it was left.
 * @param {HTMLElement} element
 */
export function start(element) {
  const root = /** @type {HTMLElement} */ (element.closest("#charts"));
  const [visit] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  if ("arranging" in root.dataset || read("chart") !== null || visit?.type !== "navigate") unfold(root);
}

/**
 * Give each chart that is only data an element at its place.
 * @param {ParentNode} root the section of all charts, in the page or about to be put there
 * @returns whether there were any
 */
export function unfold(root) {
  const element = /** @type {HTMLElement | null} */ (root.querySelector("[data-js='later-charts']"));
  if (!element) return false;
  element.remove();
  /** @type {LaterCharts[]} */
  const later = JSON.parse(element.dataset.charts ?? "[]");
  const sections = root.querySelector(".sections");
  const made = document.createDocumentFragment();
  for (const charts of later) {
    const started = sections?.querySelector(`[data-section="${CSS.escape(charts.section)}"] .grid`);
    (started ?? newSection(root, made, charts)).append(...charts.names.map((_, i) => card(charts, i)));
  }
  sections?.append(made);
  if (root instanceof Element && root.isConnected) applySearch();
  return true;
}

/**
 * @param {ParentNode} root
 * @param {DocumentFragment} made those that are new so far
 * @param {LaterCharts} charts
 */
function newSection(root, made, { section: name, names }) {
  const template = /** @type {HTMLTemplateElement} */ (root.querySelector("template#section"));
  const element = /** @type {HTMLDetailsElement} */ (template.content.firstElementChild?.cloneNode(true));
  element.id = `section-${root.querySelectorAll(".sections > .section").length + made.childElementCount + 1}`;
  element.dataset.section = name;
  element.dataset.charts = String(names.length);
  const [heading, number] = element.querySelectorAll("h2, summary > span");
  heading.textContent = name || "Metrics";
  number.textContent = count(names.length);
  collapse(element);
  made.append(element);
  return /** @type {Element} */ (element.querySelector(".grid"));
}

/**
 * A card with its name alone: the rest comes when it is near the view (title.js).
 * @param {LaterCharts} charts
 * @param {number} i
 */
function card({ section, names, steps, lasts }, i) {
  const name = section ? `${section}/${names[i]}` : names[i];
  const element = document.createElement("article");
  element.className = "chart";
  element.id = idOf(name);
  element.dataset.name = name;
  if (steps) element.dataset.step = String(steps[i]);
  if (lasts) element.dataset.last = lasts[i];
  const heading = document.createElement("h3");
  heading.textContent = name;
  element.append(heading);
  return element;
}

/** As the server makes it: chart_id in aimanager/web/cards.py. @param {string} name */
export function idOf(name) {
  return `chart-${encodeURIComponent(name)}`;
}
