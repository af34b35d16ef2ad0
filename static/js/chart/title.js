/* The element of a card: what it is of, in words above it, with the current value. */

import { exact, toNumber } from "../format.js";
import { measured, titleOf } from "./units.js";

/** @typedef {import("../format.js").WireNumber} WireNumber */

/**
 * Give a card that came with its name alone what a whole one has.
 * @param {HTMLElement} element
 */
export function complete(element) {
  if (element.querySelector(".plot")) return;
  const { last } = element.dataset;
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById("card"));
  element.replaceChildren(template.content.cloneNode(true));
  showTitle(element);
  if (last !== undefined)
    showValue(/** @type {HTMLDataElement} */ (element.querySelector(".value")), last, element.dataset.name ?? "");
}

/**
 * Say above a card what it is of.
 * @param {HTMLElement} element
 */
export function showTitle(element) {
  const { metrics } = specOf(element);
  const title = /** @type {HTMLElement} */ (element.querySelector("h3"));
  title.title = metrics.join(", ");
  title.replaceChildren(...titleOfAll(metrics));
  element.querySelector(".plot")?.setAttribute("aria-label", `Chart of ${title.title}`);
  element.querySelector("[data-card-menu]")?.setAttribute("aria-label", `Options of ${title.title}`);
}

/**
 * Metrics that are called alike in several groups have the name in common: `train, val/loss`.
 * @param {string[]} metrics
 */
function titleOfAll(metrics) {
  const ends = metrics.map((metric) => metric.lastIndexOf("/") + 1);
  const [group, last] = [metrics.map((metric, i) => metric.slice(0, ends[i] - 1)), metrics[0].slice(ends[0])];
  const isAlike = metrics.length > 1 && metrics.every((metric, i) => ends[i] > 1 && metric.slice(ends[i]) === last);
  if (isAlike) return titleParts(`${group.join(", ")}/${last}`);
  return metrics.flatMap((metric, i) => (i ? [", ", ...titleParts(metric)] : titleParts(metric)));
}

/**
 * A metric's name with its group in a lighter tone.
 * @param {string} name
 * @returns {(string | Node)[]}
 */
function titleParts(name) {
  const title = titleOf(name);
  if (title) return [title];
  const end = name.lastIndexOf("/") + 1;
  if (end < 2 || end === name.length) return [name];
  const group = document.createElement("span");
  group.append(name.slice(0, end));
  return [group, name.slice(end)];
}

/**
 * @param {HTMLDataElement} element
 * @param {WireNumber} value
 * @param {string} name
 */
export function showValue(element, value, name) {
  element.textContent = measured(value, name);
  element.title = element.value = exact(value);
  element.toggleAttribute("data-odd", !Number.isFinite(toNumber(value)));
}

/**
 * What the card is of: its element says the metrics, or is called after the only one.
 * @param {HTMLElement} element
 * @returns {{metrics: string[]}}
 */
export function specOf({ dataset: { metrics, name = "" } }) {
  return { metrics: metrics ? JSON.parse(metrics) : [name] };
}
