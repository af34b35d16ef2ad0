/* The shortcuts of all pages, and those of charts and tables. */

import { openPalette } from "./palette.js";
import { register, showShortcuts } from "./shortcuts.js";

const CHARTS = { group: "Charts", when: "#charts .chart" };
const LISTS = { group: "Rows and charts", when: "a[data-row], #charts .chart" };

register("?", "Show the keyboard shortcuts", showShortcuts);
register("/", "Search", () => {
  const search = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-shortcut='/']"));
  search?.focus();
  search?.select();
  if (!search) openPalette();
});
register("g h", "Go to the home page", () => follow(".brand"));
register("g p", "Go to the projects", () => follow(".brand", "#projects"));
register("g u", "Go up, from a run to its project", () => follow("[data-up]") || follow(".brand"));
register("g s", "Go to settings", () => follow(".panel a[href='/settings']"));
register("t", "Switch the theme: system, light, dark", () => press("[data-js='theme']"));

const RUN = { group: "Run", when: "#beside" };
register("[", "Previous run of the list", () => follow("#beside [rel='prev']"), RUN);
register("]", "Next run of the list", () => follow("#beside [rel='next']"), RUN);

register("j", "Next and previous row or chart", () => moveFocus(1), LISTS);
register("k", "Next and previous row or chart", () => moveFocus(-1), LISTS);

// Beside a list of runs x selects the run.
const ALONE = { ...CHARTS, when: "body:not(:has(#runs)) #charts .chart" };
register("x", "Switch the x axis: step, time, time since start", switchAxis, ALONE);
register("l", "Toggle log scale", () => press("[data-log]"), CHARTS);
register("0", "Reset the zoom", () => press("[data-whole]:not([hidden])"), CHARTS);
register("+", "Zoom the focused chart in and out", undefined, CHARTS);
register("-", "Zoom the focused chart in and out", undefined, CHARTS);
register("ArrowLeft", "Move along the focused chart", undefined, CHARTS);
register("ArrowRight", "Move along the focused chart", undefined, CHARTS);
register("shift+ArrowLeft", "Pan the zoomed range", undefined, CHARTS);
register("shift+ArrowRight", "Pan the zoomed range", undefined, CHARTS);

/**
 * @param {string} selector
 * @param {string} [place]
 */
function follow(selector, place = "") {
  const link = /** @type {HTMLAnchorElement | null} */ (document.querySelector(selector));
  if (link) location.assign(link.href + place);
  return link !== null;
}

/** @param {string} selector */
function press(selector) {
  const button = /** @type {HTMLButtonElement | null} */ (document.querySelector(selector));
  button?.click();
  return button !== null;
}

function switchAxis() {
  return press("[data-x][aria-pressed='true'] + [data-x]") || press("[data-x]");
}

/**
 * From row to row in tables, from chart to chart among charts.
 * @param {1 | -1} by
 */
function moveFocus(by) {
  const all = /** @type {NodeListOf<HTMLElement>} */ (
    document.querySelectorAll("a[data-row], .chart:not([hidden]) .plot")
  );
  const visible = [...all].filter((element) => element.checkVisibility());
  if (!visible.length) return false;
  const current = visible.findIndex((element) => element.contains(document.activeElement));
  const first = by > 0 ? 0 : visible.length - 1;
  const next = current < 0 ? first : Math.min(Math.max(current + by, 0), visible.length - 1);
  visible[next].focus();
  visible[next].scrollIntoView({ block: "nearest" });
  return true;
}
