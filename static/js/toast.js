/* Short messages in the corner, some with an Undo. They leave by themselves, but not while the pointer or the focus is on
   them. The event `toast` shows one, raised by a script or by the header HX-Trigger of an answer; the cookie `toast` has the one
   of an answer that led to this page. */

import { readCookie } from "./cookies.js";
import { post } from "./post.js";
import { register } from "./shortcuts.js";

/** What takes it back: a form posted to `url`, or to the actions on runs.
 * @typedef {{url?: string, action: string, ids: string, value?: string}} Undo */
/** What went wrong, what was done, and what a run says.
 * @typedef {"wrong" | "done" | "warning" | "info"} Kind */
/** @typedef {{text: string, kind?: Kind, undo?: Undo}} Message */

const MOST = 5; // On top of each other; the oldest leaves.
const SHOWN_FOR = { done: 4_000, wrong: 8_000, warning: 8_000, info: 8_000, undo: 12_000 }; // Milliseconds.

/**
 * @param {string} text
 * @param {Kind} kind
 * @param {Undo} [undo]
 */
export function toast(text, kind = "wrong", undo) {
  const region = document.getElementById("toasts");
  const element = document.createElement("div");
  element.className = "toast";
  element.dataset.kind = kind;
  const words = document.createElement("p");
  words.textContent = text;
  element.append(words);
  if (undo) element.append(undoButton(element, undo));
  element.append(button("×", "Dismiss", () => element.remove()));
  region?.append(element);
  while (region && region.children.length > MOST) region.firstElementChild?.remove();
  leaveLater(element, SHOWN_FOR[undo ? "undo" : kind]);
}

/**
 * @param {HTMLElement} element
 * @param {Undo} undo
 */
function undoButton(element, { url = "/app/runs/bulk", ...fields }) {
  const undo = button("Undo", "", async () => {
    undo.disabled = true;
    const status = await post(url, fields);
    undo.disabled = false;
    if (status < 200 || status >= 300) return;
    element.remove();
    document.body.dispatchEvent(new CustomEvent("look:again", { bubbles: true }));
  });
  undo.dataset.undo = "";
  return undo;
}

/**
 * @param {string} text
 * @param {string} label
 * @param {() => void} action
 */
function button(text, label, action) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "quiet";
  element.textContent = text;
  if (label) element.setAttribute("aria-label", label);
  element.addEventListener("click", action);
  return element;
}

/**
 * @param {HTMLElement} element
 * @param {number} wait milliseconds
 */
function leaveLater(element, wait) {
  setTimeout(() => {
    if (element.matches(":hover, :focus-within")) leaveLater(element, 1000);
    else element.remove();
  }, wait);
}

if (typeof document !== "undefined") {
  document.addEventListener("toast", ({ detail: { text, kind = "done", undo } }) => toast(text, kind, undo));
  const kept = readCookie("toast");
  if (kept) {
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing in Firefox and on plain HTTP.
    document.cookie = "toast=; path=/; max-age=0";
    const { text, undo } = /** @type {Message} */ (JSON.parse(kept));
    toast(text, "done", undo);
  }
  register("u", "Undo the last change", () => {
    const last = /** @type {HTMLElement | undefined} */ ([...document.querySelectorAll("[data-undo]")].at(-1));
    last?.click();
    return last !== undefined;
  });
}
