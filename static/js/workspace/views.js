/* Saved views: whether the page shows something else than its view, and what a view that is saved says. */

import { current, effective } from "../url-state.js";

const OF_THE_MOMENT = ["view", "after", "limit", "find", "in", "full"]; // As services/views.py has it.

export function startViews() {
  for (const type of /** @type {const} */ (["address:change", "htmx:after:settle"])) {
    document.addEventListener(type, showModified);
  }
  document.body.addEventListener("submit", ({ target }) => {
    const form = /** @type {HTMLFormElement} */ (target);
    if (form.matches("[data-view-form]")) fill(form);
  });
  showModified();
}

function showModified() {
  const { view, viewQuery = "", rearranged } = document.getElementById("workspace")?.dataset ?? {};
  const modified = view !== undefined && (rearranged !== undefined || differs(current(), effective(viewQuery, null)));
  for (const mark of /** @type {NodeListOf<HTMLElement>} */ (
    document.querySelectorAll("#views [data-modified], #views [data-save-view]")
  )) {
    mark.hidden = !modified;
  }
}

/** @param {HTMLFormElement} form */
function fill(form) {
  /** @type {HTMLInputElement} */ (form.elements.namedItem("query")).value = saved(current());
  /** @type {{layout: Record<string, unknown> | null}} */
  const detail = { layout: null };
  document.dispatchEvent(new CustomEvent("view:saving", { detail }));
  if (!detail.layout) return;
  const field = document.createElement("input");
  field.type = "hidden";
  field.name = "layout";
  field.value = JSON.stringify(detail.layout);
  form.append(field);
}

/**
 * What of a query a view keeps.
 * @param {URLSearchParams} query
 */
export function saved(query) {
  const kept = [...query].filter(([name, value]) => value !== "" && !OF_THE_MOMENT.includes(name));
  return new URLSearchParams(kept).toString();
}

/**
 * Whether two queries show something different; in which order the names stand says nothing.
 * @param {URLSearchParams} one
 * @param {URLSearchParams} other
 */
export function differs(one, other) {
  const [a, b] = [one, other].map((query) => {
    const kept = new URLSearchParams(saved(query));
    kept.sort();
    return kept.toString();
  });
  return a !== b;
}
