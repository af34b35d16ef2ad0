/* Table, charts or both, and the divider between them. */

import { push, write } from "../url-state.js";

const SPLIT = 45; // Percent of the table.
const [LEAST, MOST] = [15, 85];
const KEY_STEP = 2;
const STACKED = "(max-width: 1000px)"; // As in workspace.css.

/** @param {HTMLElement} workspace */
export function start(workspace) {
  const divider = /** @type {HTMLElement} */ (workspace.querySelector(".divider"));
  const layouts = /** @type {HTMLElement} */ (document.getElementById("layouts"));
  const stacked = matchMedia(STACKED);

  /** @param {number} percent */
  const show = (percent) => {
    const split = Math.min(MOST, Math.max(LEAST, Math.round(percent)));
    workspace.dataset.split = String(split);
    workspace.style.setProperty("--split", String(split));
    divider.setAttribute("aria-valuenow", String(split));
  };
  const keep = () => write({ split: Number(workspace.dataset.split) === SPLIT ? null : workspace.dataset.split });
  const orient = () => divider.setAttribute("aria-orientation", stacked.matches ? "horizontal" : "vertical");

  show(Number(workspace.dataset.split));
  orient();
  stacked.addEventListener("change", orient);

  divider.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    divider.setPointerCapture(event.pointerId);
    divider.dataset.dragged = "";
  });
  divider.addEventListener("pointermove", ({ clientX, clientY }) => {
    if (divider.dataset.dragged === undefined) return;
    const { left, top, width, height } = workspace.getBoundingClientRect();
    show(100 * (stacked.matches ? (clientY - top) / height : (clientX - left) / width));
  });
  divider.addEventListener("lostpointercapture", () => {
    delete divider.dataset.dragged;
    keep();
  });
  divider.addEventListener("dblclick", () => {
    show(SPLIT);
    keep();
  });
  divider.addEventListener("keydown", (event) => {
    const split = splitAfter(event.key, Number(workspace.dataset.split));
    if (split === null) return;
    event.preventDefault();
    show(split);
    keep();
  });
  layouts.addEventListener("click", ({ target }) => {
    const button = /** @type {HTMLElement} */ (target).closest("button");
    if (!button) return;
    const { layout = "both" } = button.dataset;
    showLayout(workspace, layouts, layout);
    push({ layout: layout === "both" ? null : layout });
  });
}

/**
 * @param {HTMLElement} workspace
 * @param {HTMLElement} layouts
 * @param {string} layout
 */
function showLayout(workspace, layouts, layout) {
  workspace.dataset.layout = layout;
  for (const button of layouts.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.layout === layout));
  }
}

/**
 * Where a key moves the divider to, in percent; null if it is none of the divider's.
 * @param {string} key
 * @param {number} split
 */
export function splitAfter(key, split) {
  if (key === "ArrowLeft" || key === "ArrowUp") return Math.max(LEAST, split - KEY_STEP);
  if (key === "ArrowRight" || key === "ArrowDown") return Math.min(MOST, split + KEY_STEP);
  if (key === "Home") return LEAST;
  if (key === "End") return MOST;
  return key === "Enter" ? SPLIT : null;
}
