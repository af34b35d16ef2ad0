/* The notes of a sign, and the form to write one, in a small dialog beside the point: what opens it and what closes it. */

import { toast } from "../../toast.js";
import { position } from "../hover.js";
import { button, formOf, send } from "./note-form.js";
import { articleOf } from "./note-text.js";
import { deedOf } from "./places.js";

/** @typedef {import("./places.js").Mark} Mark */
/** A point of a line that a note is to be pinned to.
 * @typedef {{runId: number, metric: string, step: number | bigint, time: number, title: string}} Point */
/** @typedef {{getBoundingClientRect: () => DOMRect}} Anchor */

const PATIENCE = 200; // Milliseconds in which the pointer may come from the sign to the notes.

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
    const { runs } = this.charts;
    const article = articleOf(mark, runs.length > 1 ? runs.find(({ id }) => id === mark.run_id) : undefined);
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
    const saved = () => {
      this.close();
      this.whenChanged();
    };
    const form = formOf(title, text, save, { saved, cancelled: () => this.close() });
    this.isOpen = this.isForm = true;
    this.element.setAttribute("aria-label", text ? "Edit the note" : "Write a note");
    this.element.replaceChildren(form);
    this.place(anchor);
    form.querySelector("textarea")?.focus();
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
