/* Where data stand on a chart's canvas, in pixels: for what we draw over it. */

/** @typedef {import("./ticks.js").Range} Range */
/** @typedef {import("./value-scale.js").ValueScale} ValueScale */

export class Frame {
  /**
   * @param {{width: number, height: number, margin: {l: number, r: number, t: number, b: number}}} layout
   * @param {{range?: Range, type?: unknown}} x
   * @param {ValueScale} scale
   */
  constructor({ width, height, margin }, x, scale) {
    this.left = margin.l;
    this.top = margin.t;
    this.width = width - margin.l - margin.r;
    this.height = height - margin.t - margin.b;
    /** @type {Range} */
    this.range = x.range ?? [0, 1];
    this.logX = x.type === "log";
    this.scale = scale;
  }

  /** Pixels from the left of the plot. @param {number} x */
  across(x) {
    const [low, high] = this.range;
    const part = this.logX
      ? Math.log(Math.max(x, Number.MIN_VALUE) / low) / Math.log(high / low)
      : (x - low) / (high - low);
    return part * this.width;
  }

  /** What stands so many pixels from the left of the plot. @param {number} pixels */
  xAt(pixels) {
    const [low, high] = this.range;
    const part = pixels / this.width;
    return this.logX ? low * (high / low) ** part : low + part * (high - low);
  }

  /** Pixels from the top of the plot; what a log scale has no place for is below it. @param {number} value */
  down(value) {
    const { place, type, range } = this.scale;
    const height = place ? place(value) : type === "log" ? Math.log10(Math.max(value, Number.MIN_VALUE)) : value;
    return (1 - (height - range[0]) / (range[1] - range[0])) * this.height;
  }
}
