/* The rows of lines that are in the page, in blocks: what is not seen of them costs no layout. */

import { time as timeOf } from "../local-time.js";
import { BLOCK, LINE } from "./range.js";

export class LogRows {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    /** @type {WeakMap<Element, string>} as the server sent them */
    this.sent = new WeakMap();
    this.hasTimes = false;
    for (const block of element.children) measure(block);
    this.dress(element);
  }

  get count() {
    let count = 0;
    for (const block of this.element.children) count += block.children.length;
    return count;
  }

  /** @param {number} line @returns {HTMLElement | null} */
  find(line) {
    return this.element.querySelector(`#L${line}`);
  }

  /** The first row from a line on, or the last one.
   * @param {number} line @returns {HTMLElement | null} */
  nextTo(line) {
    const rows = /** @type {HTMLElement[]} */ ([...this.element.querySelectorAll(".log-line")]);
    return rows.find((row) => numberOf(row) >= line) ?? rows.at(-1) ?? null;
  }

  /** @param {[number, string][]} rows */
  replace(rows) {
    this.element.replaceChildren();
    this.append(rows);
  }

  /** @param {[number, string][]} rows */
  append(rows) {
    let block = this.element.lastElementChild;
    for (let at = 0; at < rows.length; ) {
      if (!block || block.children.length >= BLOCK) {
        block = newBlock();
        this.element.append(block);
      }
      const next = rows.slice(at, at + BLOCK - block.children.length);
      block.append(...this.made(next));
      measure(block);
      at += next.length;
    }
  }

  /** @param {[number, string][]} rows */
  prepend(rows) {
    if (!rows.length) return;
    const block = newBlock();
    block.append(...this.made(rows));
    measure(block);
    this.element.prepend(block);
  }

  /** Rows that are there already and were written over change in their place; those after the last one are added.
   * @param {[number, string][]} rows */
  update(rows) {
    /** @type {[number, string][]} */
    const added = [];
    for (const [line, html] of rows) {
      const row = this.find(line);
      if (!row) added.push([line, html]);
      else if (this.sent.get(row) !== html) {
        const [made] = /** @type {[HTMLElement]} */ (this.made([[line, html]]));
        if (this.sent.has(row) || row.outerHTML !== made.outerHTML) row.replaceWith(made);
        else this.sent.set(row, html);
      }
    }
    const last = this.element.lastElementChild?.lastElementChild;
    const end = last ? numberOf(last) : 0;
    this.append(added.filter(([line]) => line > end));
  }

  /**
   * Take whole blocks away at one end while there are more rows than so many. Gives the number of the first or last line that
   * is left there, null when nothing was taken.
   * @param {number} most
   * @param {"start" | "end"} end
   */
  cut(most, end) {
    let left = null;
    while (this.count > most && this.element.children.length > 1) {
      (end === "start" ? this.element.firstElementChild : this.element.lastElementChild)?.remove();
      const row =
        end === "start"
          ? this.element.firstElementChild?.firstElementChild
          : this.element.lastElementChild?.lastElementChild;
      left = row ? numberOf(row) : left;
    }
    return left;
  }

  /** Times are read from now on. */
  showTimes() {
    this.hasTimes = true;
    showTimes(this.element);
  }

  /** @param {HTMLElement} scroller @returns {HTMLElement | null} */
  firstVisible(scroller) {
    const { top } = scroller.getBoundingClientRect();
    for (const block of this.element.children) {
      if (block.getBoundingClientRect().bottom <= top) continue;
      for (const row of block.children) {
        if (row.getBoundingClientRect().bottom > top) return /** @type {HTMLElement} */ (row);
      }
    }
    return null;
  }

  /** The elements of rows, all parsed at once.
   * @param {[number, string][]} rows
   * @returns {HTMLElement[]} */
  made(rows) {
    const template = document.createElement("template");
    template.innerHTML = rows.map(([, html]) => html).join("");
    const elements = /** @type {HTMLElement[]} */ ([...template.content.children]);
    for (const [i, element] of elements.entries()) this.sent.set(element, rows[i]?.[1] ?? "");
    this.dress(template.content);
    return elements;
  }

  /** Times of this time zone where they are read, and colours beyond the palette, which the page may not say in its HTML.
   * @param {ParentNode} element */
  dress(element) {
    if (this.hasTimes) showTimes(element);
    for (const span of /** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll("[data-ink], [data-ground]"))) {
      const { ink, ground } = span.dataset;
      if (ink) span.style.setProperty("--ink-of", ink);
      if (ground) span.style.setProperty("--ground-of", ground);
    }
  }
}

/** @param {ParentNode} element */
function showTimes(element) {
  for (const time of element.querySelectorAll("time")) time.textContent = timeOf(Date.parse(time.dateTime), 3);
}

/** @param {Element} row */
export function numberOf(row) {
  return Number(row.id.slice(1));
}

/** What a block takes up until it is seen; then the browser knows.
 * @param {Element} block */
function measure(block) {
  /** @type {HTMLElement} */ (block).style.containIntrinsicSize = `auto ${LINE * block.children.length}px`;
}

function newBlock() {
  const block = document.createElement("div");
  block.className = "log-block";
  return block;
}
