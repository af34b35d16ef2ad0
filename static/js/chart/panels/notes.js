/* The notes of a sign, and the form to write one: a small dialog beside the point. */

import { readCookie } from "../../cookies.js";
import { dateTime } from "../../local-time.js";
import { refusal } from "../../post.js";
import { ago } from "../../relative-time.js";
import { toast } from "../../toast.js";
import { styleOf, swatch } from "../colours.js";
import { position } from "../hover.js";
import { deedOf } from "./places.js";

/** @typedef {import("./places.js").Mark} Mark */
/** A point of a line that a note is to be pinned to.
 * @typedef {{runId: number, metric: string, step: number | bigint, time: number, title: string}} Point */
/** @typedef {{getBoundingClientRect: () => DOMRect}} Anchor */

const PATIENCE = 200; // Milliseconds in which the pointer may come from the sign to the notes.
const LONGEST = 4000; // As services/marks.py has it.

export class Notes {
  /** @param {import("../index.js").Charts} charts */
  constructor(charts) {
    this.charts = charts;
    this.element = document.createElement("div");
    this.element.className = "popover mark-notes";
    this.element.popover = "manual";
    this.element.setAttribute("role", "dialog");
    charts.root.parentElement?.append(this.element);
    /** @type {HTMLElement | null} the sign that is peeked at or open */
    this.sign = null;
    /** @type {HTMLElement | null} where the focus goes back to */
    this.from = null;
    /** @type {Mark[]} */
    this.marks = [];
    this.isOpen = false; // Not only peeked at: it stays until it is closed.
    this.isForm = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.element.addEventListener("pointerenter", () => clearTimeout(this.timer));
    this.element.addEventListener("pointerleave", () => this.leave());
    this.element.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("pointerdown", ({ target }) => {
      const node = /** @type {Node} */ (target);
      if (this.isOpen && !this.element.contains(node) && !this.sign?.contains(node)) this.close();
    });
    document.addEventListener("keydown", ({ key }) => {
      if (key === "Escape" && !this.isForm && this.element.matches(":popover-open")) this.close();
    });
  }

  /**
   * Show the notes of a sign as long as the pointer or the focus is on it.
   * @param {HTMLElement} sign
   * @param {Mark[]} marks
   */
  peek(sign, marks) {
    clearTimeout(this.timer);
    if (this.isOpen) return;
    this.show(sign, marks);
  }

  leave() {
    if (this.isOpen) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.close(), PATIENCE);
  }

  /**
   * Show the notes of a sign until they are closed, with the focus in them.
   * @param {HTMLElement} sign
   * @param {Mark[]} marks
   */
  open(sign, marks) {
    clearTimeout(this.timer);
    this.show(sign, marks);
    this.isOpen = true;
    this.from = sign;
    this.element.tabIndex = -1;
    /** @type {HTMLElement} */ (this.element.querySelector("button") ?? this.element).focus();
  }

  /**
   * @param {HTMLElement} sign
   * @param {Mark[]} marks
   */
  show(sign, marks) {
    this.sign = sign;
    this.marks = marks;
    this.isForm = false;
    this.element.setAttribute(
      "aria-label",
      marks.length > 1 ? "Marks" : marks[0]?.kind === "note" ? "Note" : deedOf(marks[0]),
    );
    this.element.replaceChildren(...marks.map((mark) => this.articleOf(mark)));
    this.place(sign);
  }

  /** @param {Mark} mark */
  articleOf(mark) {
    const article = document.createElement("article");
    const head = document.createElement("p");
    head.className = "faint";
    const at = mark.step === null ? "" : position(mark.step, "step");
    const time = document.createElement("time");
    time.dateTime = new Date(mark.created * 1000).toISOString();
    time.title = dateTime(mark.created * 1000);
    time.textContent = ago(mark.created * 1000);
    head.append(
      [mark.kind === "note" ? mark.author : deedOf(mark), at, ""].filter((part) => part !== null).join(" · "),
      time,
    );
    const run = this.charts.runs.length > 1 && this.charts.runs.find(({ id }) => id === mark.run_id);
    if (run) article.append(nameOf(run));
    article.append(head);
    if (mark.kind === "note") article.append(proseOf(mark));
    if (mark.may_edit) article.append(this.actionsOf(mark));
    return article;
  }

  /** @param {Mark} mark */
  actionsOf(mark) {
    const row = document.createElement("p");
    row.className = "row";
    row.append(
      button("Edit", () => this.edit(mark)),
      button("Delete", () => this.delete(mark)),
    );
    return row;
  }

  /**
   * Offer to write a note, beside a point that was clicked. The focus stays where it is.
   * @param {Anchor} anchor
   * @param {Point} point
   * @param {HTMLElement} from where the focus goes back to
   */
  offer(anchor, point, from) {
    clearTimeout(this.timer);
    this.sign = null;
    this.isOpen = true;
    this.isForm = false;
    this.element.setAttribute("aria-label", "Point");
    this.element.replaceChildren(button("Add a note", () => this.write(anchor, point, from)));
    this.place(anchor);
  }

  /**
   * Ask for the text of a new note.
   * @param {Anchor} anchor
   * @param {Point} point
   * @param {HTMLElement | null} from where the focus goes back to
   */
  write(anchor, point, from) {
    this.sign = null;
    this.from = from;
    const fields = { metric: point.metric, step: String(point.step), time: new Date(point.time * 1000).toISOString() };
    this.ask(anchor, point.title, "", (text) => send(`/app/runs/${point.runId}/notes`, { ...fields, text }));
  }

  /** @param {Mark} mark */
  edit(mark) {
    const anchor = this.sign;
    if (!anchor) return;
    const title = mark.step === null ? "Note" : `Note at ${position(mark.step, "step")}`;
    this.ask(anchor, title, mark.text, (text) => send(`/app/notes/${mark.id}`, { text }));
  }

  /** @param {Mark} mark */
  async delete(mark) {
    const problem = await send(`/app/notes/${mark.id}/delete`, {});
    if (problem) return toast(problem);
    this.close();
    this.whenChanged();
  }

  /**
   * @param {Anchor} anchor
   * @param {string} title
   * @param {string} text
   * @param {(text: string) => Promise<string | null>} save
   */
  ask(anchor, title, text, save) {
    clearTimeout(this.timer);
    const form = document.createElement("form");
    const label = document.createElement("label");
    const area = document.createElement("textarea");
    const error = document.createElement("p");
    const actions = document.createElement("p");
    Object.assign(area, { value: text, rows: 3, maxLength: LONGEST, required: true, placeholder: "Markdown" });
    label.append(title, area);
    error.className = "error";
    error.setAttribute("role", "alert");
    actions.className = "row";
    actions.append(
      submit("Save"),
      button("Cancel", () => this.close()),
    );
    form.append(label, error, actions);
    const saved = async () => {
      const problem = await save(area.value);
      error.textContent = problem;
      if (problem) return;
      this.close();
      this.whenChanged();
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      saved();
    });
    area.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    this.isOpen = this.isForm = true;
    this.element.setAttribute("aria-label", text ? "Edit the note" : "Write a note");
    this.element.replaceChildren(form);
    this.place(anchor);
    area.focus();
  }

  /** Set by who has the marks: something was written. */
  whenChanged() {}

  /** The marks are others now; what is being written stays. @param {Mark[]} all */
  changed(all) {
    if (!this.sign || this.isForm) return;
    const now = all.filter(({ id }) => this.marks.some((mark) => mark.id === id));
    if (!this.sign.isConnected || !now.length) this.close();
    else if (JSON.stringify(now) !== JSON.stringify(this.marks)) this.show(this.sign, now);
  }

  close() {
    clearTimeout(this.timer);
    const hadFocus = this.element.contains(document.activeElement);
    this.sign = null;
    this.isOpen = this.isForm = false;
    if (this.element.matches(":popover-open")) this.element.hidePopover();
    if (hadFocus && this.from?.isConnected) this.from.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    event.stopPropagation();
    if (event.key !== "Escape") return;
    event.preventDefault();
    this.close();
  }

  /** Over the point, or under it where there is no room. @param {Anchor} anchor */
  place(anchor) {
    const { left, right, top, bottom } = anchor.getBoundingClientRect();
    if (!this.element.matches(":popover-open")) this.element.showPopover();
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const above = top - height - 6;
    const across = Math.min(Math.max(8, (left + right - width) / 2), innerWidth - width - 8);
    this.element.style.left = `${Math.round(across)}px`;
    this.element.style.top = `${Math.round(above >= 8 ? above : Math.min(bottom + 6, innerHeight - height - 8))}px`;
  }
}

/** @param {import("../line.js").DrawnRun} run */
function nameOf({ name, colour }) {
  const element = document.createElement("p");
  element.append(swatch(styleOf(colour)), ` ${name}`);
  return element;
}

/** @param {Mark} mark */
function proseOf(mark) {
  const prose = document.createElement("div");
  prose.className = "prose";
  prose.innerHTML = mark.html; // The server has cleaned it.
  return prose;
}

/**
 * @param {string} text
 * @param {() => void} action
 */
function button(text, action) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = text;
  element.addEventListener("click", action);
  return element;
}

/** @param {string} text */
function submit(text) {
  const element = document.createElement("button");
  element.className = "primary";
  element.textContent = text;
  return element;
}

/**
 * What went wrong, or null.
 * @param {string} url
 * @param {Record<string, string>} fields
 */
async function send(url, fields) {
  const headers = { "X-CSRF-TOKEN": readCookie(document.body.dataset.csrfCookie ?? ""), Accept: "application/json" };
  try {
    const answer = await fetch(url, { method: "POST", body: new URLSearchParams(fields), headers });
    if (answer.ok) return null;
    const said = await answer.text();
    return answer.headers.get("Content-Type")?.includes("json")
      ? detailOf(JSON.parse(said))
      : refusal(answer.status, said);
  } catch {
    return "The server cannot be reached. Your text is still here; try again.";
  }
}

/** @param {{detail?: string | {msg: string}[]}} error */
function detailOf({ detail }) {
  return typeof detail === "string" ? detail : (detail?.map(({ msg }) => msg).join("; ") ?? "The note was not saved.");
}
