/* What a person does with the charts of a page beyond looking: notes on the lines, cards laid out, pictures and files. */

import { register } from "../../shortcuts.js";
import { position } from "../hover.js";
import { rowsAt } from "../nearest.js";
import { Board } from "./board.js";
import { columnsOf, Drag, sizeOf } from "./drag.js";
import { csvAddress, savePicture, titleOf } from "./export.js";
import { Full } from "./full.js";
import { alike, combined, gone, hidden, isPlain, moved, pinned, separated, sized } from "./layout.js";
import { Marks } from "./marks.js";
import { Menu } from "./menu.js";
import { Notes } from "./notes.js";

/** @typedef {import("../card.js").Card} Card */
/** @typedef {import("../nearest.js").Row} Row */
/** @typedef {import("./menu.js").Entry} Entry */

/** @type {[string, number, number][]} */
const SIZES = [
  ["Small", 1, 1],
  ["Medium", 2, 1],
  ["Large", 2, 2],
  ["Wide", 4, 2],
];

export class Panels {
  /** @param {import("../index.js").Charts} charts */
  constructor(charts) {
    this.charts = charts;
    this.notes = new Notes(charts);
    this.marks = new Marks(charts, this.notes);
    this.notes.whenChanged = () => this.marks.load();
    this.board = new Board(charts);
    this.drag = new Drag(charts.root, this.board);
    this.menu = new Menu(charts.root);
    this.full = new Full(charts, [charts.interactions.announcement, charts.hover.table, this.notes.element]);
    this.full.dialog.addEventListener("keydown", ({ key, target }) => {
      if (key === "n" && /** @type {Element} */ (target).matches(".plot")) this.writeNote();
    });
    charts.root.addEventListener("click", ({ target }) => this.click(/** @type {HTMLElement} */ (target)));
    const options = { group: "Charts", when: "#charts .chart" };
    register("f", "Show the focused chart in the whole window", () => this.openFocused(), options);
    if (this.mayWrite) register("n", "Write a note at the crosshair", () => this.writeNote(), options);
  }

  get mayWrite() {
    return this.charts.root.hasAttribute("data-may-write");
  }

  /** @param {HTMLElement} target */
  click(target) {
    const button = /** @type {HTMLElement | null} */ (target.closest("[data-card-menu], [data-hidden-charts]"));
    const card = button && this.charts.cardOf(button);
    if (button && card) this.menu.open(button, `Chart of ${titleOf(card)}`, this.entriesOf(card));
    else if (button) this.menu.open(button, "Hidden charts", this.hiddenEntries());
  }

  openFocused() {
    const card = document.activeElement && this.charts.cardOf(document.activeElement);
    if (card) this.full.open(card.name);
    return card !== null && card !== undefined;
  }

  hiddenEntries() {
    const names = this.board.hidden;
    const all = { label: "Show all", action: () => this.board.set({ ...this.board.layout, hidden: [] }) };
    return [
      ...names.map((name) => ({ label: name, action: () => this.board.reveal(name) })),
      ...(names.length > 1 ? [all] : []),
    ];
  }

  /**
   * @param {Card} card
   * @returns {Entry[]}
   */
  entriesOf(card) {
    const { board } = this;
    const { layout } = board;
    const { name, element } = card;
    const isPinned = layout.pinned.includes(name);
    const [columns, rows] = sizeOf(element);
    return [
      { label: "Full screen", action: () => this.full.open(name) },
      ...this.moves(card),
      { label: isPinned ? "Unpin" : "Pin on top", action: () => board.set(pinned(layout, name, !isPinned)) },
      { label: "Hide", action: () => board.set(hidden(layout, name, true)) },
      { label: "Size" },
      ...SIZES.map(([label, wide, high]) => ({
        label,
        pressed: wide === columns && high === rows,
        action: () => board.set(sized(layout, name, wide, high)),
      })),
      ...this.combinations(card),
      { label: "Download" },
      ...(card.canvas
        ? [
            { label: "PNG", action: () => savePicture(card, "png") },
            { label: "SVG", action: () => savePicture(card, "svg") },
          ]
        : []),
      { label: "CSV, all points", href: csvAddress(card, this.charts.root.dataset.source ?? "") },
      ...(isPlain(layout) ? [] : [{ label: "Reset the layout of all charts", action: () => board.reset() }]),
    ];
  }

  /**
   * @param {Card} card
   * @returns {Entry[]}
   */
  moves({ name, element }) {
    const { section, all, shown } = this.board.beside(element);
    const at = shown.indexOf(name);
    const isColumn = columnsOf(element.parentElement) === 1; // On a phone.
    const to = (/** @type {string | null} */ before) => () =>
      this.board.set(moved(this.board.layout, section, all, name, before));
    return [
      ...(at > 0 ? [{ label: isColumn ? "Move up" : "Move left", action: to(shown[at - 1]) }] : []),
      ...(at < shown.length - 1
        ? [{ label: isColumn ? "Move down" : "Move right", action: to(shown[at + 2] ?? null) }]
        : []),
    ];
  }

  /**
   * @param {Card} card
   * @returns {Entry[]}
   */
  combinations({ name, spec, isOfMany }) {
    const { board } = this;
    const away = gone(board.layout);
    const others = [...this.charts.cards.keys()].filter((other) => !spec.metrics.includes(other) && !away.has(other));
    const add = (/** @type {string} */ other) => board.set(combined(board.layout, name, other));
    return [
      { label: "Lines" },
      ...alike(name, others)
        .slice(0, 3)
        .map((other) => ({ label: `Add ${other}`, action: () => add(other) })),
      ...(others.length
        ? [{ label: "Combine with…", action: () => this.menu.search("Search charts", others, add) }]
        : []),
      ...(isOfMany ? [{ label: "Separate", action: () => board.set(separated(board.layout, name)) }] : []),
    ];
  }

  /** A card was drawn. @param {Card} card */
  drawn(card) {
    this.marks.draw(card);
    if (card === this.full.card && this.charts.hover.x === null) this.full.show(null, []);
  }

  /**
   * The crosshair stands at an x, or nowhere any more.
   * @param {Card | null} card
   * @param {number | null} x
   * @param {Row[]} rows
   */
  pointed(card, x, rows) {
    if (card === this.full.card || x === null) this.full.show(x, rows);
  }

  /** Data came. */
  loaded() {
    this.marks.loaded();
  }

  /** Pin a note to where the crosshair stands, to the line that is meant or to the only one. */
  writeNote() {
    const { card, x, rows, meant } = this.charts.hover;
    const row = rows.find(({ line }) => line === meant?.line) ?? rows[0];
    if (!this.mayWrite || !card?.plot || x === null || !row || row.line.run.id < 0) return false;
    this.notes.write(anchorOf(card, row), this.pointOf(row), card.plot);
    return true;
  }

  /**
   * A place in a chart was clicked: where a line is, a note can be pinned to it.
   * @param {Card} card
   * @param {{clientX: number, clientY: number}} pointer
   */
  clicked(card, pointer) {
    const found = this.mayWrite ? this.charts.hover.find(card, pointer) : null;
    if (!found?.meant || found.x === null || !card.frame || !card.plot || found.meant.line.run.id < 0) return;
    const row = rowsAt([found.meant], card.frame, found.x)[0];
    if (row) this.notes.offer(anchorOf(card, row), this.pointOf(row), card.plot);
  }

  /** @param {Row} row */
  pointOf({ line: { run, metric }, series, i }) {
    const [step, time] = [series.steps[i], series.times[i]];
    const name = this.charts.runs.length > 1 ? `${run.name}, ${metric}` : metric;
    return { runId: run.id, metric, step, time, title: `Note on ${name} at ${position(step, "step")}` };
  }
}

/**
 * The place of a point in the window.
 * @param {Card} card
 * @param {Row} row
 */
function anchorOf({ plot, frame }, { series, i, value }) {
  const at = new DOMRect();
  if (plot && frame) {
    const { left, top } = plot.getBoundingClientRect();
    const down = Number.isFinite(value) ? Math.min(Math.max(frame.down(value), 0), frame.height) : frame.height;
    at.x = left + frame.left + frame.across(series.x[i]);
    at.y = top + frame.top + down;
  }
  return { getBoundingClientRect: () => at };
}
