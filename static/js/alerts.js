/* Says each alert that comes while the page is open in its corner; the list itself is renewed by htmx. */

import { toast } from "./toast.js";

/** @type {Record<string, "wrong" | "warning" | "info">} */
const KINDS = { error: "wrong", warning: "warning", info: "info" };
const MOST = 3; // Of one renewal: more are in the list.

/** @param {HTMLElement} element with items that have data-alert, data-level and data-title */
export function start(element) {
  let newest = newestOf(alertsIn(element));
  document.addEventListener("htmx:after:settle", () => {
    const list = document.getElementById(element.id);
    if (!list) return;
    const added = alertsIn(list).filter((one) => Number(one.dataset.alert) > newest);
    newest = Math.max(newest, newestOf(added));
    for (const one of added.slice(0, MOST).reverse())
      toast(one.dataset.title ?? "", KINDS[one.dataset.level ?? ""] ?? "info");
  });
}

/** @param {HTMLElement} element @returns {HTMLElement[]} the newest first */
function alertsIn(element) {
  return [.../** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll("[data-alert]"))];
}

/** @param {HTMLElement[]} alerts */
function newestOf(alerts) {
  return Math.max(0, ...alerts.map((one) => Number(one.dataset.alert)));
}
