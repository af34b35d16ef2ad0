/* Runs that are chosen by their checkboxes, and the bar with what can be done to them. The choice is by id, so that rows may
   come and go. */

import { count } from "../format.js";
import { post } from "../post.js";
import { toast } from "../toast.js";
import { place } from "./popover.js";

const MOST_COMPARED = 100; // As many as the compare page takes.
const LEAVING = ["trash", "restore", "archive", "unarchive"]; // After these the runs are in another list.

export class Selection {
  constructor() {
    /** @type {Set<number>} */
    this.ids = new Set();
    /** @type {number | null} where a choice with shift begins */
    this.anchor = null;
    document.body.addEventListener("click", (event) => this.clicked(event));
    document.addEventListener("htmx:after:settle", () => this.show());
    document.getElementById("ask")?.addEventListener("submit", (event) => this.answered(event));
    document.getElementById("colours")?.addEventListener("click", (event) => this.colourChosen(event));
    this.show();
  }

  get rows() {
    return /** @type {HTMLElement[]} */ ([...document.querySelectorAll("#table tr[data-id]:not(.group-row)")]);
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const row = /** @type {HTMLElement | null} */ (target.closest("#table tr[data-id]"));
    if (row && target.closest("[data-choose]")) this.toggle(Number(row.dataset.id), event.shiftKey);
    if (row && target.closest("[data-colour-of]")) this.askColour(row);
    if (target.closest("[data-choose-all]")) this.chooseShown();
    const action = /** @type {HTMLElement | null} */ (target.closest("#bulk [data-do]"));
    if (action) this.act(action.dataset.do ?? "", action);
  }

  /**
   * @param {number} id
   * @param {boolean} [range] all from the last one that was chosen
   */
  toggle(id, range = false) {
    const shown = this.rows.map((row) => Number(row.dataset.id));
    const chosen = !this.ids.has(id);
    for (const one of range && this.anchor !== null ? between(shown, this.anchor, id) : [id]) {
      if (chosen) this.ids.add(one);
      else this.ids.delete(one);
    }
    this.anchor = id;
    this.show();
  }

  /** All rows of the table, or none if all are chosen already. */
  chooseShown() {
    const shown = this.rows.map((row) => Number(row.dataset.id));
    const all = shown.every((id) => this.ids.has(id));
    this.ids = all ? new Set() : new Set([...this.ids, ...shown]);
    this.show();
  }

  clear() {
    this.ids.clear();
    this.anchor = null;
    this.show();
  }

  show() {
    // Most of the time none is chosen.
    const rows = this.ids.size || document.querySelector("#table tr[data-chosen]") ? this.rows : [];
    for (const row of rows) {
      const chosen = this.ids.has(Number(row.dataset.id));
      row.toggleAttribute("data-chosen", chosen);
      /** @type {HTMLInputElement} */ (row.querySelector("[data-choose]")).checked = chosen;
    }
    document.getElementById("table")?.toggleAttribute("data-choosing", this.ids.size > 0);
    const all = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-choose-all]"));
    const chosenHere = rows.filter((row) => row.dataset.chosen !== undefined);
    if (all) {
      all.checked = rows.length > 0 && chosenHere.length === rows.length;
      all.indeterminate = chosenHere.length > 0 && !all.checked;
    }
    const bar = document.getElementById("bulk");
    if (!bar) return;
    bar.hidden = !this.ids.size;
    const words = `${count(this.ids.size)} selected`;
    const status = bar.querySelector("[role=status]");
    if (status && status.textContent !== words) status.textContent = words;
    // How many runs match is not counted where it would take long.
    const total = Number(document.getElementById("runs")?.dataset.total || Infinity);
    const rest = bar.querySelector("[data-do=all]");
    if (rest) rest.textContent = Number.isFinite(total) ? `Select all ${count(total)}` : "Select all that match";
    const compare = bar.querySelector("[data-do=compare]");
    if (compare) compare.textContent = this.ids.size > MOST_COMPARED ? `Compare the first ${MOST_COMPARED}` : "Compare";
    const states = {
      one: this.ids.size === 1,
      several: this.ids.size > 1,
      rest: this.ids.size < total,
      archived: chosenHere.some((row) => row.dataset.archived !== undefined),
      trashed: chosenHere.some((row) => row.dataset.trashed !== undefined),
      unarchived: chosenHere.some(({ dataset }) => dataset.archived === undefined && dataset.trashed === undefined),
      kept: chosenHere.every((row) => row.dataset.trashed === undefined),
    };
    for (const item of /** @type {NodeListOf<HTMLElement>} */ (bar.querySelectorAll("[data-if]"))) {
      item.hidden = !states[/** @type {keyof typeof states} */ (item.dataset.if)];
    }
  }

  /**
   * @param {string} action
   * @param {Element} button
   */
  async act(action, button) {
    if (action === "clear") this.clear();
    else if (action === "all") await this.chooseMatching();
    else if (action === "compare") this.compare();
    else if (["rename", "tag", "untag"].includes(action)) this.ask(action, button);
    else await this.change(action);
  }

  compare() {
    location.assign(`/app/compare?runs=${[...this.ids].slice(0, MOST_COMPARED).join(",")}`);
  }

  /** All runs that match, whether their rows have been loaded or not. */
  async chooseMatching() {
    const answer = await fetch(`${location.pathname}/ids${location.search}`, {
      headers: { Accept: "application/json" },
    });
    if (!answer.ok) return;
    const { ids } = await answer.json();
    this.ids = new Set(ids);
    this.show();
    const total = Number(document.getElementById("runs")?.dataset.total);
    if (total > ids.length)
      toast(`At most ${count(ids.length)} runs are changed at once: the first ones are selected.`);
  }

  /**
   * @param {string} action
   * @param {string} [value]
   */
  async change(action, value) {
    const status = await post("/app/runs/bulk", { action, ids: [...this.ids].join(","), value });
    if (status !== 200) return false;
    if (LEAVING.includes(action)) this.clear();
    renew();
    return true;
  }

  /**
   * Ask for a name or a tag.
   * @param {string} action
   * @param {Element} anchor
   */
  ask(action, anchor) {
    const form = /** @type {HTMLFormElement} */ (document.getElementById("ask"));
    const input = /** @type {HTMLInputElement} */ (form.querySelector("input"));
    const label =
      { rename: "New name", tag: "Tags to add, with commas between", untag: "Tags to remove, with commas between" }[
        action
      ] ?? "";
    form.dataset.action = action;
    /** @type {HTMLElement} */ (form.querySelector("label")).textContent = label;
    const [id] = this.ids;
    input.value = action === "rename" ? (nameOf(id) ?? "") : "";
    place(form, anchor);
    input.select();
  }

  /** @param {SubmitEvent} event */
  async answered(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const { value } = /** @type {HTMLInputElement} */ (form.querySelector("input"));
    // What was refused stays, to be corrected.
    if (await this.change(form.dataset.action ?? "", value)) form.hidePopover();
  }

  /** @param {HTMLElement} row */
  askColour(row) {
    const picker = /** @type {HTMLElement} */ (document.getElementById("colours"));
    picker.dataset.run = row.dataset.id;
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (picker.querySelectorAll("[data-style]"))) {
      button.setAttribute("aria-pressed", String(button.dataset.style === row.dataset.colour));
    }
    place(picker, /** @type {Element} */ (row.querySelector("[data-colour-of]")));
    /** @type {HTMLElement | null} */ (picker.querySelector("[aria-pressed=true]"))?.focus();
  }

  /** @param {MouseEvent} event */
  async colourChosen(event) {
    const picker = /** @type {HTMLElement} */ (event.currentTarget);
    const button = /** @type {HTMLElement | null} */ (
      /** @type {HTMLElement} */ (event.target).closest("[data-style]")
    );
    if (!button) return;
    picker.hidePopover();
    const id = Number(picker.dataset.run);
    // The colour of a chosen run is that of all chosen ones.
    const ids = this.ids.has(id) ? [...this.ids] : [id];
    if ((await post("/app/runs/bulk", { action: "colour", ids: ids.join(","), value: button.dataset.style })) === 200)
      renew();
  }
}

/** @param {number} id */
function nameOf(id) {
  return /** @type {HTMLElement | null} */ (document.querySelector(`#run-${id} a[data-row]`))?.title;
}

/** What was changed is shown at once, and not when the socket says so. */
function renew() {
  document.body.dispatchEvent(new CustomEvent("look:again", { bubbles: true }));
}

/**
 * The items of a list from one to another, both included, in whichever order they stand.
 * @param {number[]} list
 * @param {number} from
 * @param {number} to
 */
export function between(list, from, to) {
  const [a, b] = [list.indexOf(from), list.indexOf(to)];
  return a < 0 || b < 0 ? [to] : list.slice(Math.min(a, b), Math.max(a, b) + 1);
}
