/* The list of runs is the legend of the charts: an eye in each row says whether its run is drawn, the row under the pointer
   lights its line up, and the line its row. */

import { count } from "../format.js";
import { toast } from "../toast.js";
import { current, write } from "../url-state.js";
import { alone, choiceFrom, drawnIds, isAlone, MOST, parametersOf, toggled } from "./drawn.js";

/** @typedef {import("./drawn.js").Choice} Choice */
/** @typedef {import("../chart/line.js").DrawnRun} DrawnRun */

export class Legend {
  constructor() {
    this.choice = choiceFrom(current());
    /** @type {Choice | null} what was drawn before one run was shown alone */
    this.before = null;
    /** @type {Map<number, DrawnRun>} */
    this.known = new Map();
    /** @type {number | null} */
    this.lit = null;
    this.sent = JSON.stringify(this.readServer());
    this.ofPage = this.sent;
    this.listen();
    this.show();
  }

  get runs() {
    return /** @type {HTMLElement} */ (document.getElementById("runs"));
  }

  /** What the server says is drawn, which may be runs that are not in the table. */
  readServer() {
    const runs = /** @type {DrawnRun[]} */ (JSON.parse(this.runs.dataset.runs ?? "[]"));
    for (const run of runs) this.known.set(run.id, run);
    return runs;
  }

  listen() {
    const { body } = document;
    body.addEventListener("click", (event) => this.clicked(event));
    for (const type of ["mouseover", "focusin"]) {
      body.addEventListener(type, ({ target }) => {
        const row = /** @type {Element} */ (target).closest?.("#runs tr[data-id]");
        this.light(row ? Number(/** @type {HTMLElement} */ (row).dataset.id) : null);
      });
    }
    body.addEventListener("mouseleave", () => this.light(null));
    body.addEventListener("runs:lit", ({ detail }) => {
      this.lit = detail.id;
      this.markLit();
    });
    // They may start long after the page, when the table has made room for them.
    body.addEventListener("charts:started", () => {
      if (this.sent !== this.ofPage) raise("runs:drawn", { runs: JSON.parse(this.sent) });
    });
    body.addEventListener("runs:alone", ({ detail }) => this.showAlone(detail.id));
    body.addEventListener("runs:hide", ({ detail }) => this.toggle(detail.id));
    document.addEventListener("htmx:after:settle", () => this.renewed());
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const row = /** @type {HTMLElement | null} */ (target.closest("#runs tr[data-id]"));
    const more = /** @type {HTMLElement | null} */ (target.closest("#runs [data-draw]"));
    if (more) this.drawFirst(Number(more.dataset.draw));
    if (!row) return;
    const id = Number(row.dataset.id);
    if (event.altKey) {
      event.preventDefault();
      this.showAlone(id);
    } else if (target.closest("[data-eye]")) {
      this.toggle(id);
    }
  }

  /** @param {number} first */
  drawFirst(first) {
    this.choose({ first, named: null, hidden: [] });
    // The page has more rows at once when more are drawn.
    if (this.list.length < Math.min(first, Number(this.runs.dataset.total || MOST)))
      this.runs.dispatchEvent(new CustomEvent("draw:more"));
  }

  /** @param {number} id */
  toggle(id) {
    const choice = toggled(this.choice, this.list, id);
    if (choice === this.choice) toast(`At most ${MOST} runs are drawn in one chart. Hide one to draw another.`);
    else this.choose(choice);
  }

  /**
   * Draw one run alone, and the second time all that were drawn before.
   * @param {number} id
   */
  showAlone(id) {
    if (isAlone(this.choice, id)) {
      this.choose(this.before ?? { ...this.choice, named: null, hidden: [] });
      this.before = null;
    } else {
      this.before ??= this.choice;
      this.choose(alone(this.choice, id));
    }
  }

  /** @param {Choice} choice */
  choose(choice) {
    this.choice = choice;
    write(parametersOf(choice));
    this.show();
  }

  /** The table or the address has changed. */
  renewed() {
    if (!document.getElementById("runs")) return;
    this.choice = choiceFrom(current());
    this.readServer();
    this.show();
  }

  /** The ids of the list's first runs. */
  get list() {
    return this.listed(this.rows);
  }

  /** @param {HTMLElement[]} rows */
  listed(rows) {
    const listed = rows.filter((row) => row.dataset.in === undefined);
    return listed.slice(0, MOST).map((row) => Number(row.dataset.id));
  }

  get rows() {
    return /** @type {HTMLElement[]} */ ([...this.runs.querySelectorAll("tr[data-id]")]);
  }

  /** Make the eyes, the sentence above the table and the charts say what is drawn. */
  show() {
    const rows = this.rows;
    const ids = new Set(drawnIds(this.choice, this.listed(rows)));
    for (const row of rows) {
      const id = Number(row.dataset.id);
      const isDrawn = ids.has(id);
      if (isDrawn) this.known.set(id, lineOf(row));
      if (row.hasAttribute("data-in-charts") === isDrawn) continue;
      row.toggleAttribute("data-in-charts", isDrawn);
      row.querySelector("[data-eye]")?.setAttribute("aria-pressed", String(isDrawn));
    }
    const drawn = [...ids].flatMap((id) => this.known.get(id) ?? []);
    this.showCount(drawn.length);
    this.markLit();
    const text = JSON.stringify(drawn);
    if (text === this.sent) return;
    this.sent = text;
    // The table is painted before the charts begin to draw.
    const tell = () => this.sent === text && raise("runs:drawn", { runs: drawn });
    if (document.hidden) tell();
    else requestAnimationFrame(() => setTimeout(tell));
  }

  /** @param {number} drawn */
  showCount(drawn) {
    const status = this.runs.querySelector("[data-drawn]");
    const total = this.runs.dataset.total;
    const { unit = "runs" } = this.runs.dataset;
    const text = total ? `${drawn} of ${count(Number(total))} ${unit} drawn` : `${drawn} ${unit} drawn`;
    if (status && status.textContent !== text) status.textContent = text;
    for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (this.runs.querySelectorAll("[data-draw]"))) {
      const { named, hidden, first } = this.choice;
      button.setAttribute("aria-pressed", String(!named && !hidden.length && first === Number(button.dataset.draw)));
      // There is nothing to choose beyond the number that has all runs.
      const before = /** @type {HTMLElement | null} */ (button.previousElementSibling)?.dataset.draw ?? 0;
      button.hidden = Boolean(total) && Number(total) <= Number(before);
    }
  }

  /** @param {number | null} id of the run under the pointer or with the focus */
  light(id) {
    if (id === this.lit) return;
    this.lit = id;
    this.markLit();
    raise("runs:lit", { id });
  }

  markLit() {
    const row = this.lit === null ? null : document.getElementById(`run-${this.lit}`);
    for (const other of this.runs.querySelectorAll("tr[data-lit]")) other.toggleAttribute("data-lit", other === row);
    row?.setAttribute("data-lit", "");
  }
}

/**
 * @param {HTMLElement} row
 * @returns {DrawnRun}
 */
function lineOf(row) {
  const { id, colour, state = "", members } = row.dataset;
  if (members !== undefined) {
    const name = row.querySelector(".who")?.textContent?.trim().replace(/\s+/g, " ") ?? "";
    const line = { id: Number(id), name, colour: Number(colour), state, url: location.pathname };
    return { ...line, members: members.split(",").map(Number) };
  }
  const link = /** @type {HTMLAnchorElement} */ (row.querySelector("a[data-row]"));
  return { id: Number(id), name: link.title, colour: Number(colour), state, url: link.pathname };
}

/**
 * @param {string} name
 * @param {object} detail
 */
function raise(name, detail) {
  document.body.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
}
