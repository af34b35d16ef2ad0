/* Runs in groups: by what they are grouped, and the runs of a group that is unfolded. */

import { current, readList } from "../url-state.js";
import { place } from "./popover.js";
import { go } from "./table.js";

export function startGroups() {
  const list = /** @type {HTMLFormElement} */ (document.getElementById("group-list"));
  document.body.addEventListener("click", ({ target }) => {
    const element = /** @type {HTMLElement} */ (target);
    const button = element.closest("[data-group-by]");
    const fold = /** @type {HTMLElement | null} */ (element.closest("[data-fold]"));
    if (button) open(list, button);
    if (fold) toggle(fold);
  });
  document.addEventListener("htmx:after:settle", unfoldAgain);
  list.addEventListener("change", () => {
    const checked = Array.from(
      list.querySelectorAll("input:checked"),
      (box) => /** @type {HTMLInputElement} */ (box).value,
    );
    const before = readList("group").filter((key) => checked.includes(key));
    // What was drawn by name is not among the groups.
    go({ group: [...before, ...checked.filter((key) => !before.includes(key))], runs: null, hide: null });
  });
}

/**
 * @param {HTMLFormElement} list
 * @param {Element} button
 */
function open(list, button) {
  const chosen = readList("group");
  for (const box of /** @type {NodeListOf<HTMLInputElement>} */ (list.querySelectorAll("input"))) {
    box.checked = chosen.includes(box.value);
  }
  place(list, button);
}

/** The ids of the rows of groups that are unfolded. @type {Set<string>} */
const unfolded = new Set();

/** @param {HTMLElement} fold */
function toggle(fold) {
  const row = /** @type {HTMLElement} */ (fold.closest("tr"));
  if (unfolded.delete(row.id)) {
    fold.setAttribute("aria-expanded", "false");
    for (const member of membersOf(row)) member.remove();
  } else {
    unfolded.add(row.id);
    unfold(row);
  }
}

/** A table that was renewed comes without the runs of its groups. */
function unfoldAgain() {
  for (const id of unfolded) {
    const row = document.getElementById(id);
    if (row && !membersOf(row).length) unfold(row);
  }
}

/** @param {HTMLElement} row */
function membersOf(row) {
  return document.querySelectorAll(`#table tr[data-in="${row.id}"]`);
}

/** @param {HTMLElement} row */
async function unfold(row) {
  row.querySelector("[data-fold]")?.setAttribute("aria-expanded", "true");
  const query = current();
  query.set("in", row.dataset.key ?? "");
  const headers = {
    "HX-Request": "true",
    "HX-Request-Type": "partial",
    "HX-Target": "tbody#rows",
    Accept: "text/html",
  };
  const answer = await fetch(`${location.pathname}?${query}`, { headers });
  if (!answer.ok) return;
  const template = document.createElement("template");
  template.innerHTML = await answer.text();
  if (!unfolded.has(row.id) || !row.isConnected || membersOf(row).length) return;
  const rows = /** @type {HTMLElement[]} */ ([...template.content.children]);
  for (const member of rows) member.dataset.in = row.id;
  row.after(...rows);
  for (const member of rows) window.htmx.process(member);
  document.dispatchEvent(new CustomEvent("rows:loaded"));
}
