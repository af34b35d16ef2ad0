/* A chart over the whole window, with a table of its lines: their values at the crosshair, last, least and greatest. Which
   chart is in the address: `full=<name>`. */

import { short } from "../../format.js";
import { read, write } from "../../url-state.js";
import { swatch } from "../colours.js";
import { lineStyle } from "../draw.js";
import { nameOf, position } from "../hover.js";
import { titleOf } from "./export.js";

/** @typedef {import("../card.js").Card} Card */
/** @typedef {import("../nearest.js").Row} Row */
/** @typedef {import("../line.js").Line} Line */

const NAME = "full screen"; // The card in the dialog; no metric of the page is called so with this id.

export class Full {
  /**
   * @param {import("../index.js").Charts} charts
   * @param {HTMLElement[]} companions what lies over the page and belongs to the charts: it comes along into the dialog
   */
  constructor(charts, companions) {
    this.charts = charts;
    this.companions = companions;
    this.dialog = document.createElement("dialog");
    this.dialog.className = "full";
    this.dialog.addEventListener("close", () => this.closed());
    this.dialog.addEventListener("click", ({ target }) => {
      if (/** @type {Element} */ (target).closest("[data-close]")) this.dialog.close();
    });
    charts.root.parentElement?.append(this.dialog);
    /** @type {Card | null} the card in the dialog */
    this.card = null;
    this.name = read("full") ?? ""; // Of the card that is shown so, or will be when it is there.
  }

  /** Cards came: one of them may be wanted. */
  adopted() {
    if (this.name && !this.card && this.charts.cards.has(this.name)) this.open(this.name);
  }

  /** @param {string} name of a card */
  open(name) {
    const original = this.charts.cards.get(name);
    if (!original) return;
    this.name = name;
    write({ full: name });
    const element = document.createElement("article");
    element.className = "chart";
    element.dataset.name = NAME;
    element.dataset.metrics = JSON.stringify(original.spec.metrics);
    const table = document.createElement("div");
    table.className = "values";
    table.tabIndex = 0; // It is scrolled by keys too.
    table.setAttribute("role", "group");
    table.setAttribute("aria-label", "Values of the lines");
    table.append(this.head(), document.createElement("table"));
    this.dialog.setAttribute("aria-label", `Chart of ${titleOf(original)}`);
    this.dialog.replaceChildren(element, table, ...this.companions);
    this.dialog.showModal();
    this.card = this.charts.add(element);
    this.charts.show(this.card);
    element.querySelector("[data-card-menu]")?.replaceWith(closeButton());
    element.querySelector(".plot")?.setAttribute("aria-label", `Chart of ${titleOf(original)}`);
    this.card.plot?.focus({ focusVisible: false });
  }

  head() {
    const head = document.createElement("p");
    head.className = "at";
    return head;
  }

  closed() {
    const { charts, name } = this;
    this.card?.clear();
    this.name = "";
    this.card = null;
    charts.hover.clear();
    charts.root.after(...this.companions);
    this.dialog.replaceChildren();
    charts.adopt();
    write({ full: null });
    charts.cards.get(name)?.plot?.focus({ preventScroll: true });
  }

  /**
   * The crosshair stands somewhere, or nowhere: then the table is sorted by what is last.
   * @param {number | null} x
   * @param {Row[]} rows
   */
  show(x, rows) {
    const { card } = this;
    if (!card) return;
    const at = this.dialog.querySelector(".at");
    if (at) at.textContent = x === null ? "Last values" : position(x, this.charts.viewOf(card).axis);
    const lines = card.lines.filter(({ base }) => base?.x.length);
    const values = new Map(rows.map((row) => [row.line, row]));
    const ranks = lines.map((line) => ({ line, row: values.get(line), ...summary(line) }));
    const rank = (/** @type {typeof ranks[number]} */ { row, last }) => order(x === null ? last : (row?.value ?? NaN));
    ranks.sort((a, b) => rank(b) - rank(a));
    const table = this.dialog.querySelector("table");
    const head = tableRow("th", ["Name", "Value", "Last", "Min", "Max"]);
    for (const cell of /** @type {Iterable<HTMLTableCellElement>} */ (head.cells)) cell.scope = "col";
    const body = ranks.map(({ line, row, last, least, greatest }) => {
      const value = row ? short(row.kind ?? row.value) : "";
      const name = document.createElement("span");
      name.append(swatch(lineStyle(line)), ` ${nameOf({ line }, card)}`);
      name.title = nameOf({ line }, card);
      const tr = tableRow("td", [name, value, ...[last, least, greatest].map(short)]);
      tr.toggleAttribute("data-lit", line.run.id === this.charts.lit);
      tr.addEventListener("pointerenter", () => this.charts.light(line.run.id));
      tr.addEventListener("pointerleave", () => this.charts.light(null));
      return tr;
    });
    table?.replaceChildren(head, ...body);
  }
}

/**
 * @param {"th" | "td"} tag
 * @param {(string | Node)[]} contents
 */
function tableRow(tag, contents) {
  const row = document.createElement("tr");
  for (const content of contents) {
    const cell = document.createElement(tag);
    cell.append(content);
    row.append(cell);
  }
  return row;
}

/**
 * Of the whole line, not only of what is zoomed into; NaN where nothing is finite.
 * @param {Line} line
 */
export function summary({ base }) {
  let [last, least, greatest] = [NaN, Infinity, -Infinity];
  for (let i = 0; base && i < base.x.length; i++) {
    if (Number.isFinite(base.last[i])) last = base.last[i];
    if (base.lowest(i) < least) least = base.lowest(i);
    if (base.highest(i) > greatest) greatest = base.highest(i);
  }
  return least > greatest ? { last, least: NaN, greatest: NaN } : { last, least, greatest };
}

/** @param {number} value */
function order(value) {
  return Number.isNaN(value) ? -Infinity : value;
}

function closeButton() {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.close = "";
  button.textContent = "Close";
  return button;
}
