/* The compare page: a control that changes is written into the address, and the parts of the page that it is about are
   renewed. Runs light up together in the list, the table and the figures. */

import { changed, writeList } from "../url-state.js";
import { afterTicks } from "./axes.js";
import { raiseLit, renew } from "./parts.js";

const TYPING = 200; // Milliseconds after which a search is taken for whole.

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
    if (link) link.search = String(changed({ runs: new URLSearchParams(link.search).get("runs") }));
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
