/* Brushing: a range on an axis of parallel coordinates, by pointer and by keyboard. The ranges are in the address. */

import { readList, writeList } from "../url-state.js";
import { afterKey, describe, ordered, passes, readRanges, snapped, writeRanges } from "./ranges.js";

/** @typedef {import("./ranges.js").Axis} Axis */

const REACH = 18; // Pixels beside an axis that belong to it.

export class Brush {
  /** @param {HTMLElement} figure the element around the canvas */
  constructor(figure) {
    this.figure = figure;
    this.ranges = readRanges(readList("range"));
    /** @type {Axis[]} */
    this.axes = [];
    /** @type {{id: number, places: (number | null)[], line: SVGElement | null}[]} */
    this.runs = [];
    /** @type {HTMLElement[]} */
    this.handles = [];
    /** @type {{at: number, from: number, moved: boolean} | null} */
    this.drag = null;
    this.moved = false; // Whether the last press was a drag: then its click opens no run.
    /** @type {{l: number, t: number, w: number, h: number} | null} */
    this.size = null;
    figure.addEventListener("pointerdown", (event) => this.press(event));
    // While a button is down Plotly lays an element over the page, so that moves do not come through the figure.
    addEventListener("pointermove", (event) => this.move(event));
    addEventListener("pointerup", () => this.release());
    addEventListener("pointercancel", () => this.release());
    figure.addEventListener("dblclick", (event) => this.clearAt(event));
  }

  /**
   * After each drawing: the axes may be others, and elsewhere.
   * @param {any} canvas that Plotly drew into
   */
  drawn(canvas) {
    const { meta } = canvas.layout;
    this.axes = meta.axes;
    this.size = canvas._fullLayout._size;
    this.across = canvas._fullLayout.xaxis.range;
    this.runs = meta.runs.map((/** @type {number} */ id, /** @type {number} */ i) => ({
      id,
      places: Array.from(canvas.data[i].y),
      line: canvas.querySelector(`.trace${canvas._fullData[i].uid}`),
    }));
    for (const key of this.ranges.keys()) if (!this.axes.some((axis) => axis.key === key)) this.ranges.delete(key);
    this.placeHandles();
    this.show();
  }

  placeHandles() {
    while (this.handles.length > this.axes.length) this.handles.pop()?.remove();
    this.axes.forEach((axis, at) => {
      const handle = this.handles[at] ?? this.makeHandle(at);
      const { t, h } = /** @type {NonNullable<typeof this.size>} */ (this.size);
      // The axis itself is a little shorter than the room for it.
      Object.assign(handle.style, {
        left: `${this.xOf(at)}px`,
        top: `${t + h * (0.04 / 1.08)}px`,
        height: `${h / 1.08}px`,
      });
      handle.setAttribute("aria-label", `Range of ${axis.label}`);
    });
  }

  /** @param {number} at */
  makeHandle(at) {
    const handle = document.createElement("div");
    handle.className = "axis-range";
    handle.tabIndex = 0;
    handle.append(document.createElement("i"));
    for (const [name, value] of Object.entries({
      role: "slider",
      "aria-orientation": "vertical",
      "aria-valuemin": "0",
    })) {
      handle.setAttribute(name, value);
    }
    handle.setAttribute("aria-valuemax", "100");
    handle.addEventListener("keydown", (event) => this.key(event, at));
    this.figure.append(handle);
    this.handles[at] = handle;
    return handle;
  }

  /** @param {number} at */
  xOf(at) {
    const { l, w } = /** @type {NonNullable<typeof this.size>} */ (this.size);
    const [low, high] = this.across;
    return l + ((at - low) / (high - low)) * w;
  }

  /**
   * The axis below the pointer and the place on it.
   * @param {MouseEvent} event
   */
  placeOf(event) {
    if (!this.size) return null;
    const box = this.figure.getBoundingClientRect();
    const x = event.clientX - box.left;
    const at = this.axes.findIndex((_, i) => Math.abs(this.xOf(i) - x) <= REACH);
    const down = (event.clientY - box.top - this.size.t) / this.size.h;
    return { at, place: 1.04 - down * 1.08 };
  }

  /** @param {PointerEvent} event */
  press(event) {
    this.moved = false;
    const found = this.placeOf(event);
    if (!found || found.at < 0 || event.button !== 0 || found.place > 1.04 || found.place < -0.04) return;
    this.drag = { at: found.at, from: found.place, moved: false };
  }

  /** @param {PointerEvent} event */
  move(event) {
    const found = this.drag && this.placeOf(event);
    if (!this.drag || !found) return;
    if (!this.drag.moved && Math.abs(found.place - this.drag.from) < SLACK) return;
    this.drag.moved = this.moved = true;
    this.ranges.set(this.axes[this.drag.at].key, ordered(snapped(this.drag.from), snapped(found.place)));
    this.show();
  }

  release() {
    if (this.drag?.moved) this.save();
    this.drag = null;
  }

  /** @param {MouseEvent} event */
  clearAt(event) {
    const found = this.placeOf(event);
    if (!found || found.at < 0 || !this.ranges.delete(this.axes[found.at].key)) return;
    this.show();
    this.save();
  }

  clear() {
    this.ranges.clear();
    this.show();
    this.save();
  }

  /**
   * @param {KeyboardEvent} event
   * @param {number} at
   */
  key(event, at) {
    const { key } = this.axes[at];
    const range = afterKey(this.ranges.get(key), event.key, event.shiftKey);
    if (range === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (range) this.ranges.set(key, range);
    else this.ranges.delete(key);
    this.show();
    this.save();
  }

  save() {
    writeList("range", writeRanges(this.ranges));
  }

  show() {
    this.axes.forEach((axis, at) => {
      const range = this.ranges.get(axis.key);
      const handle = this.handles[at];
      const mark = /** @type {HTMLElement} */ (handle.firstElementChild);
      mark.hidden = !range;
      if (range) Object.assign(mark.style, { bottom: `${range[0] * 100}%`, height: `${(range[1] - range[0]) * 100}%` });
      handle.setAttribute("aria-valuenow", String(Math.round((range?.[1] ?? 1) * 100)));
      handle.setAttribute("aria-valuetext", describe(axis, range));
    });
    const passing = this.runs.filter(({ places }) => passes(places, this.axes, this.ranges)).map(({ id }) => id);
    for (const { id, line } of this.runs) line?.toggleAttribute("data-out", !passing.includes(id));
    for (const row of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#parallel tr[data-run]"))) {
      row.hidden = !passing.includes(Number(row.dataset.run));
    }
    this.say(passing);
  }

  /** @param {number[]} passing ids of the runs that pass */
  say(passing) {
    const status = document.getElementById("passing");
    if (!status) return;
    status.replaceChildren();
    if (!this.ranges.size) return;
    status.append(`${passing.length} of ${this.runs.length} runs pass. `);
    if (passing.length > 0 && passing.length < this.runs.length) {
      const link = document.createElement("a");
      link.href = `${location.pathname}?runs=${passing.sort((a, b) => a - b).join(",")}`;
      link.textContent = "Compare these";
      status.append(link, " ");
    }
    const clear = document.createElement("button");
    clear.type = "button";
    clear.className = "quiet";
    clear.textContent = "Clear ranges";
    clear.addEventListener("click", () => this.clear());
    status.append(clear);
  }
}

const SLACK = 0.015; // Of an axis: less than that is a click.
