/* The axes of parallel coordinates are moved by their names: dragged, or with the arrow keys. Their order is in the address. */

import { writeList } from "../url-state.js";
import { renew } from "./parts.js";

const STILL = 4; // Pixels that a pointer may move in a click.

/**
 * The list with one of its items elsewhere.
 * @template T
 * @param {T[]} items
 * @param {number} from
 * @param {number} to
 */
export function reordered(items, from, to) {
  const others = items.filter((_, at) => at !== from);
  const place = Math.min(Math.max(to, 0), others.length);
  return [...others.slice(0, place), items[from], ...others.slice(place)];
}

/**
 * Axes after some were ticked or no longer: those that stay keep their order, new ones come last.
 * @param {string[]} shown
 * @param {string[]} ticked
 */
export function afterTicks(shown, ticked) {
  return [...shown.filter((key) => ticked.includes(key)), ...ticked.filter((key) => !shown.includes(key))];
}

export class Axes {
  /**
   * @param {HTMLElement} figure the element around the canvas
   * @param {import("./brush.js").Brush} brush knows the axes and where they stand
   */
  constructor(figure, brush) {
    this.figure = figure;
    this.brush = brush;
    /** @type {HTMLElement[]} */
    this.names = [];
    this.focused = -1; // The place that the axis in hand has after a move by keyboard.
  }

  /** After each drawing: the axes may be others, and elsewhere. */
  drawn() {
    const { axes } = this.brush;
    for (const name of this.names) name.remove();
    this.names = axes.map(({ label }, at) => {
      const name = document.createElement("button");
      name.type = "button";
      name.className = "axis-name";
      name.title = "Drag to move this axis";
      name.textContent = label; // Seen while it is dragged: else the figure has it.
      name.setAttribute("aria-label", `Axis ${label}, ${at + 1} of ${axes.length}. Left and right arrow keys move it`);
      name.style.left = `${this.brush.xOf(at)}px`;
      name.addEventListener("pointerdown", (event) => this.press(event, at));
      name.addEventListener("keydown", (event) => this.key(event, at));
      return name;
    });
    this.figure.append(...this.names);
    this.names[this.focused]?.focus();
    this.focused = -1;
  }

  /**
   * @param {KeyboardEvent} event
   * @param {number} at
   */
  key(event, at) {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: this.names.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (to === at || to < 0 || to >= this.names.length) return;
    this.focused = to;
    this.move(at, to);
  }

  /**
   * @param {PointerEvent} start
   * @param {number} at
   */
  press(start, at) {
    if (start.button) return;
    const name = this.names[at];
    const abort = new AbortController();
    const options = { signal: abort.signal };
    let moved = 0;
    name.setPointerCapture(start.pointerId);
    name.addEventListener(
      "pointermove",
      ({ clientX }) => {
        moved = clientX - start.clientX;
        name.toggleAttribute("data-moving", Math.abs(moved) > STILL);
        name.style.translate = `${moved}px`;
      },
      options,
    );
    const end = () => {
      abort.abort();
      name.removeAttribute("data-moving");
      name.style.translate = "";
    };
    name.addEventListener(
      "pointerup",
      () => {
        end();
        if (Math.abs(moved) <= STILL) return;
        const to = this.placeAt(this.brush.xOf(at) + moved);
        if (to !== at) this.move(at, to);
      },
      options,
    );
    name.addEventListener("pointercancel", end, options);
  }

  /** Which axis is nearest. @param {number} x */
  placeAt(x) {
    const away = this.brush.axes.map((_, at) => Math.abs(this.brush.xOf(at) - x));
    return away.indexOf(Math.min(...away));
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  move(from, to) {
    const keys = this.brush.axes.map(({ key }) => key);
    writeList("axis", reordered(keys, from, to));
    renew("parallel");
  }
}
