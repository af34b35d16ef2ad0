/* Cards are moved by their heads and resized at their corners, with a mouse or a pen; a finger scrolls, and has the menu of the card. Dropped in the middle of another card, their lines come into it. */

import { combined, fitting, moved, pinned, sized } from "./layout.js";

/** @typedef {"before" | "after" | "combine"} Drop */

const STILL = 6; // Pixels that the mouse may move in a click.

export class Drag {
  /**
   * @param {HTMLElement} root
   * @param {import("./board.js").Board} board
   */
  constructor(root, board) {
    this.root = root;
    this.board = board;
    this.corner = document.createElement("span");
    this.corner.className = "corner";
    this.corner.setAttribute("aria-hidden", "true"); // By keyboard there is the menu of the card.
    root.addEventListener("pointerover", (event) => this.over(event));
    root.addEventListener("pointerdown", (event) => this.press(event));
  }

  /** The card that is pointed at has the corner. @param {PointerEvent} event */
  over({ target, pointerType, buttons }) {
    const card = chartOf(target);
    if (card && pointerType !== "touch" && !buttons && this.corner.parentElement !== card) card.append(this.corner);
  }

  /** @param {PointerEvent} event */
  press(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const card = chartOf(target);
    if (!card || event.button || event.pointerType === "touch" || target.closest("button, a, summary")) return;
    if (target === this.corner) this.resize(event, card);
    else if (target.closest("header")) this.move(event, card);
  }

  /**
   * @param {PointerEvent} start
   * @param {HTMLElement} card
   */
  resize(start, card) {
    start.preventDefault();
    const [columns, rows] = sizeOf(card);
    const { width, height } = card.getBoundingClientRect();
    const most = columnsOf(card.parentElement);
    let size = /** @type {[number, number]} */ ([columns, rows]);
    card.toggleAttribute("data-sizing", true);
    follow(
      ({ clientX, clientY }) => {
        const [wide, high] = fitting(
          (columns * (width + clientX - start.clientX)) / width,
          (rows * (height + clientY - start.clientY)) / height,
        );
        size = [Math.min(wide, Math.max(most, columns)), high];
        card.dataset.columns = String(size[0]);
        card.dataset.rows = String(size[1]);
      },
      (isDone) => {
        card.removeAttribute("data-sizing");
        const [wide, high] = isDone ? size : [columns, rows];
        this.board.set(sized(this.board.layout, card.dataset.name ?? "", wide, high));
      },
    );
  }

  /**
   * @param {PointerEvent} start
   * @param {HTMLElement} card
   */
  move(start, card) {
    start.preventDefault(); // No text is selected on the way.
    let isMoving = false;
    /** @type {HTMLElement | null} */
    let over = null;
    follow(
      (event) => {
        isMoving ||= Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > STILL;
        if (!isMoving) return;
        card.toggleAttribute("data-moving", true);
        over?.removeAttribute("data-drop");
        over = chartOf(document.elementFromPoint(event.clientX, event.clientY));
        if (over === card) over = null;
        const drop = over && this.dropAt(card, over, event);
        if (over && drop) over.dataset.drop = drop;
      },
      (isDone) => {
        const drop = /** @type {Drop | undefined} */ (over?.dataset.drop);
        over?.removeAttribute("data-drop");
        card.removeAttribute("data-moving");
        if (isDone && over && drop) this.drop(card, over, drop);
      },
    );
  }

  /**
   * In the middle of a card the two come together; at its sides, where that makes sense, one goes beside the other.
   * @param {HTMLElement} card
   * @param {HTMLElement} over
   * @param {PointerEvent} event
   * @returns {Drop | null}
   */
  dropAt(card, over, { clientX }) {
    const { left, width } = over.getBoundingClientRect();
    const part = (clientX - left) / width;
    const { section } = this.board.beside(over);
    const isBeside = section === null || card.parentElement === over.parentElement;
    if (isBeside && part < 0.25) return "before";
    return isBeside && part > 0.75 ? "after" : "combine";
  }

  /**
   * @param {HTMLElement} card
   * @param {HTMLElement} over
   * @param {Drop} drop
   */
  drop(card, over, drop) {
    const [name, other] = [card.dataset.name ?? "", over.dataset.name ?? ""];
    if (drop === "combine") return this.board.set(combined(this.board.layout, other, name));
    const { section, all, shown } = this.board.beside(over);
    const before = drop === "before" ? other : (shown[shown.indexOf(other) + 1] ?? null);
    if (before === name) return;
    const layout = section === null ? pinned(this.board.layout, name, true) : this.board.layout;
    this.board.set(moved(layout, section, all, name, before));
  }
}

/** How many cards stand side by side. @param {Element | null} grid */
export function columnsOf(grid) {
  return grid ? getComputedStyle(grid).gridTemplateColumns.split(" ").length : 1;
}

/** @param {HTMLElement} card */
export function sizeOf({ dataset: { columns = "1", rows = "1" } }) {
  return [Number(columns), Number(rows)];
}

/**
 * @param {EventTarget | null} target
 * @returns {HTMLElement | null}
 */
function chartOf(target) {
  return target instanceof Element ? target.closest("#charts .chart") : null;
}

/**
 * Follow the pointer until it is released, or Escape gives up.
 * @param {(event: PointerEvent) => void} move
 * @param {(isDone: boolean) => void} end
 */
function follow(move, end) {
  const abort = new AbortController();
  const options = { signal: abort.signal, capture: true };
  const finish = (/** @type {boolean} */ isDone) => {
    abort.abort();
    end(isDone);
  };
  addEventListener("pointermove", move, options);
  addEventListener("pointerup", () => finish(true), options);
  addEventListener("pointercancel", () => finish(false), options);
  addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      finish(false);
    },
    options,
  );
}
