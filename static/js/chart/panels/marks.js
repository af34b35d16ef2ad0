/* The marks on the lines: where somebody pinned a note, and where a run went on. One sign for those that stand together. */

import { count } from "../../format.js";
import { lineStyle } from "../draw.js";
import { position } from "../hover.js";
import { deedOf, placesOf } from "./places.js";

/** @typedef {import("../card.js").Card} Card */
/** @typedef {import("./places.js").Mark} Mark */
/** @typedef {import("./places.js").Place} Place */

const MOST_RUNS = 100; // That the server answers for at once.
const HEIGHT = 26; // Pixels that the sign of a note takes above its point.

export class Marks {
  /**
   * @param {import("../index.js").Charts} charts
   * @param {import("./notes.js").Notes} notes
   */
  constructor(charts, notes) {
    this.charts = charts;
    this.notes = notes;
    /** @type {Mark[]} */
    this.all = [];
    this.runs = ""; // The runs whose marks are here, or on their way.
    document.body.addEventListener("live:marks", () => this.load());
  }

  /** Other runs may be drawn than before. */
  loaded() {
    if (this.runs !== this.runsDrawn()) this.load();
  }

  runsDrawn() {
    const ids = this.charts.runs.filter(({ id }) => id > 0).map(({ id }) => id);
    return ids.slice(0, MOST_RUNS).join();
  }

  async load() {
    const runs = this.runsDrawn();
    this.runs = runs;
    if (!runs) return this.set([]);
    try {
      const answer = await fetch(`/app/runs/marks?runs=${runs}`, { headers: { Accept: "application/json" } });
      if (answer.ok && runs === this.runs) this.set(await answer.json());
    } catch {
      this.runs = ""; // Asked again with the next data.
    }
  }

  /** @param {Mark[]} marks */
  set(marks) {
    this.all = marks;
    for (const card of this.charts.cards.values()) this.draw(card);
    this.notes.changed(marks);
  }

  /** Put the signs where the lines are now. Those that stay keep the focus. @param {Card} card */
  draw(card) {
    if (!card.frame || !card.canvas || !card.plot) return;
    const layer = card.plot.querySelector(".chart-marks") ?? newLayer(card);
    const places = placesOf(this.all, card.shown, card.frame);
    const signs = new Map(
      [.../** @type {HTMLCollectionOf<HTMLElement>} */ (layer.children)].map((one) => [keyOf(one), one]),
    );
    const kept = places.map((place) => {
      const ids = place.marks.map(({ id }) => id).join();
      const sign = signs.get(ids) ?? this.newSign(ids);
      signs.delete(ids);
      this.showSign(sign, place, card);
      return sign;
    });
    for (const sign of signs.values()) sign.remove();
    for (const [i, sign] of kept.entries()) if (layer.children[i] !== sign) layer.insertBefore(sign, layer.children[i]);
    // One of them is reached with Tab, the others with the arrow keys.
    if (!kept.some((sign) => sign === document.activeElement))
      for (const [i, sign] of kept.entries()) sign.tabIndex = i ? -1 : 0;
  }

  /** @param {string} ids of its marks */
  newSign(ids) {
    const sign = document.createElement("button");
    sign.type = "button";
    sign.dataset.marks = ids;
    sign.setAttribute("aria-haspopup", "dialog");
    const marks = () => this.all.filter(({ id }) => ids.split(",").includes(String(id)));
    sign.addEventListener("pointerenter", () => this.notes.peek(sign, marks()));
    sign.addEventListener("pointerleave", () => this.notes.leave());
    sign.addEventListener("focus", () => this.focused(sign, marks()));
    sign.addEventListener("blur", () => this.notes.leave());
    sign.addEventListener("click", () => this.notes.open(sign, marks()));
    sign.addEventListener("keydown", (event) => moveAmong(sign, event));
    for (const type of ["mousemove", "mousedown"]) sign.addEventListener(type, (event) => event.stopPropagation());
    sign.addEventListener("mouseenter", () => this.charts.hover.clear());
    return sign;
  }

  /**
   * @param {HTMLElement} sign
   * @param {Mark[]} marks
   */
  focused(sign, marks) {
    const others = /** @type {HTMLCollectionOf<HTMLElement> | undefined} */ (sign.parentElement?.children);
    for (const other of others ?? []) other.tabIndex = -1;
    sign.tabIndex = 0;
    if (sign.matches(":focus-visible")) this.notes.peek(sign, marks);
  }

  /**
   * @param {HTMLElement} sign
   * @param {Place} place
   * @param {Card} card
   */
  showSign(sign, { marks, one, across, down }, card) {
    const { frame } = card;
    if (!frame) return;
    const isNote = marks.some(({ kind }) => kind === "note");
    sign.className = `note-sign ${lineStyle(one.line).hue.slice(2)}`;
    sign.dataset.kind = isNote ? "note" : "resume";
    sign.style.translate = `${Math.round(frame.left + across)}px ${Math.round(frame.top + down)}px`;
    sign.toggleAttribute("data-low", down < HEIGHT);
    sign.textContent = marks.length > 1 ? count(marks.length) : "";
    sign.setAttribute("aria-label", marks.map((mark) => inWords(mark)).join("; "));
  }
}

/** @param {HTMLElement} sign */
function keyOf(sign) {
  return sign.dataset.marks ?? "";
}

/** @param {Card} card */
function newLayer(card) {
  const layer = document.createElement("div");
  layer.className = "chart-marks";
  layer.setAttribute("role", "group");
  layer.setAttribute("aria-label", `Marks on ${card.name}`);
  card.plot?.prepend(layer); // The next stop of the focus.
  return layer;
}

/**
 * @param {HTMLElement} sign
 * @param {KeyboardEvent} event
 */
function moveAmong(sign, event) {
  const next = { ArrowLeft: sign.previousElementSibling, ArrowRight: sign.nextElementSibling }[event.key];
  if (next === undefined && event.key !== "Enter" && event.key !== " ") return;
  event.stopPropagation(); // The arrows move the crosshair of the chart, where that has the focus.
  if (next === undefined) return;
  event.preventDefault();
  /** @type {HTMLElement | null} */ (next)?.focus();
}

/** What a mark is, for those who do not see its sign. @param {Mark} mark */
export function inWords({ kind, author, step, text }) {
  const at = step === null ? "" : ` at ${position(step, "step")}`;
  return kind === "note" ? `Note${author ? ` by ${author}` : ""}${at}: ${text}` : `${deedOf({ kind, text })}${at}`;
}
