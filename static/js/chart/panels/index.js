/* What a person does with the charts of a page beyond looking: notes on the lines. */

import { register } from "../../shortcuts.js";
import { position } from "../hover.js";
import { rowsAt } from "../nearest.js";
import { Marks } from "./marks.js";
import { Notes } from "./notes.js";

/** @typedef {import("../card.js").Card} Card */
/** @typedef {import("../nearest.js").Row} Row */

export class Panels {
  /** @param {import("../index.js").Charts} charts */
  constructor(charts) {
    this.charts = charts;
    this.notes = new Notes(charts);
    this.marks = new Marks(charts, this.notes);
    this.notes.whenChanged = () => this.marks.load();
    if (this.mayWrite)
      register("n", "Write a note at the crosshair", () => this.writeNote(), {
        group: "Charts",
        when: "#charts .chart",
      });
  }

  get mayWrite() {
    return this.charts.root.hasAttribute("data-may-write");
  }

  /** A card was drawn. @param {Card} card */
  drawn(card) {
    this.marks.draw(card);
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
