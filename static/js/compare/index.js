/* The compare page: a control that changes is written into the address, and the parts of the page that it is about are
   renewed. Runs light up together in the list, the table and the figures. */

import { changed, writeList } from "../url-state.js";
import { afterTicks } from "./axes.js";

const TYPING = 200; // Milliseconds after which a search is taken for whole.

/** What we use of htmx.
 * @typedef {{ajax: (verb: string, address: string, options: {source: string, target: string, swap: string}) => Promise<void>}} Htmx */

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLButtonElement} Control */

/** @param {HTMLElement} root */
export function start(root) {
  const form = /** @type {HTMLFormElement} */ (document.getElementById("state"));
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  root.addEventListener("change", ({ target }) => {
    const control = /** @type {Control} */ (target);
    if (control.form === form && control.type !== "search") apply(form, control, null);
  });
  root.addEventListener("input", ({ target }) => {
    const control = /** @type {Control} */ (target);
    if (control.form !== form || control.type !== "search") return;
    clearTimeout(typing);
    typing = setTimeout(() => apply(form, control, null), TYPING);
  });
  form.addEventListener("submit", (event) => {
    const button = /** @type {HTMLButtonElement | null} */ (event.submitter);
    event.preventDefault();
    if (button?.name) apply(form, button, button.value);
  });
  root.querySelector("[data-js='csv']")?.addEventListener("click", ({ target }) => {
    const link = /** @type {HTMLAnchorElement} */ (target);
    link.search = location.search;
  });
  // What was chosen since the page came stays as it is with other runs.
  root.addEventListener("click", ({ target }) => {
    const link = /** @type {HTMLAnchorElement | null} */ (/** @type {Element} */ (target).closest("a[data-runs]"));
    if (link) link.search = String(changed({ runs: link.dataset.runs }));
  });
  lightUp(root);
}

/**
 * Only what this control says changes in the address: what was never chosen stays open to what the server thinks best.
 * @param {HTMLFormElement} form
 * @param {Control} control
 * @param {string | null} value of a button
 */
function apply(form, control, value) {
  let values = value === null ? new FormData(form).getAll(control.name).map(String) : [value];
  if (control.name === "axis") values = afterTicks(shownAxes(), values);
  writeList(control.name, values.filter(Boolean));
  for (const id of (control.dataset.part ?? "").split(" ")) renew(id);
}

/** The keys of the axes as they stand. */
function shownAxes() {
  return (document.getElementById("figure-parallel")?.dataset.axes ?? "").split("\n");
}

/** @param {string} id of a part; one that was not asked for yet stays so */
export function renew(id) {
  const part = document.getElementById(id);
  const htmx = /** @type {Htmx | undefined} */ (/** @type {any} */ (window).htmx);
  if (!part || !htmx) return;
  const address = location.pathname + location.search;
  if (part.dataset.later !== undefined) part.setAttribute("hx-get", address);
  // With the source the request says what it is for, and is answered with that part of the page.
  else htmx.ajax("GET", address, { source: `#${id}`, target: `#${id}`, swap: "outerMorph" });
}

/** @param {HTMLElement} root */
function lightUp(root) {
  /** @param {Event} event */
  const over = ({ target }) => {
    const element = target instanceof Element ? target.closest("[data-run]") : null;
    raiseLit(element ? Number(element.getAttribute("data-run")) : null);
  };
  root.addEventListener("pointerover", over);
  root.addEventListener("focusin", over);
  root.addEventListener("pointerleave", () => raiseLit(null));
  document.body.addEventListener("runs:lit", ({ detail }) => {
    for (const element of root.querySelectorAll("[data-lit]")) element.removeAttribute("data-lit");
    if (detail.id === null) return;
    for (const element of root.querySelectorAll(`[data-run="${detail.id}"]`)) element.setAttribute("data-lit", "");
  });
}

/** @type {number | null} */
let lit = null;

/** @param {number | null} id of the run that is pointed at */
export function raiseLit(id) {
  if (id === lit) return;
  lit = id;
  document.body.dispatchEvent(new CustomEvent("runs:lit", { detail: { id } }));
}
