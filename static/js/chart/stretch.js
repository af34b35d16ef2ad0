/* A stretch of a chart that somebody draws across it, with a mouse, a pen or a finger. Up and down a finger moves the page:
   with `touch-action: pan-y` the browser takes what goes that way. */

/** @typedef {import("./card.js").Card} Card */
/** @typedef {import("./frame.js").Frame} Frame */
/** @typedef {import("./overlay.js").Overlay} Overlay */
/** @typedef {import("./ticks.js").Range} Range */

const STILL = 4; // Pixels that the pointer may move in a click.
const NARROWEST = 8; // Pixels of a stretch that is meant.

export class Stretch {
  /**
   * @param {Card} card
   * @param {Frame} frame
   * @param {Overlay} overlay
   * @param {PointerEvent} event
   */
  constructor(card, frame, overlay, event) {
    this.card = card;
    this.frame = frame;
    this.overlay = overlay;
    this.left = overlay.surface.getBoundingClientRect().left;
    this.from = this.to = this.acrossOf(event);
    this.isMoved = false;
    overlay.surface.setPointerCapture(event.pointerId); // What it does beyond the chart comes here too.
  }

  /**
   * @param {Card} card
   * @param {PointerEvent} event
   */
  static begun(card, event) {
    const { frame, overlay } = card;
    return frame && overlay ? new Stretch(card, frame, overlay, event) : null;
  }

  /** @param {PointerEvent} event */
  moveTo(event) {
    this.to = this.acrossOf(event);
    this.isMoved ||= Math.abs(this.to - this.from) >= STILL;
    this.overlay.showStretch(this.isWide ? this.ends : null);
  }

  /** Pixels from the left of the plot. @param {PointerEvent} event */
  acrossOf({ clientX }) {
    return Math.min(Math.max(0, clientX - this.left), this.frame.width);
  }

  /** @returns {Range} in pixels */
  get ends() {
    return [Math.min(this.from, this.to), Math.max(this.from, this.to)];
  }

  get isWide() {
    return Math.abs(this.to - this.from) >= NARROWEST;
  }

  /** @returns {Range} in x */
  get range() {
    const [low, high] = this.ends;
    return [this.frame.xAt(low), this.frame.xAt(high)];
  }

  end() {
    this.overlay.showStretch(null);
  }
}
