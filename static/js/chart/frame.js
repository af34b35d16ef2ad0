/* Where data stand on a chart's canvas, in pixels: for what we draw over it. */

/** @typedef {import("./ticks.js").Range} Range */
/** @typedef {import("./value-scale.js").ValueScale} ValueScale */

export class Frame {
  /**
   * @param {{width: number, height: number, margin: {l: number, r: number, t: number, b: number}, xaxis: {range?: Range}}} layout
   * @param {ValueScale} scale
   */
  constructor({ width, height, margin, xaxis }, scale) {
    this.left = margin.l;
    this.top = margin.t;
    this.width = width - margin.l - margin.r;
    this.height = height - margin.t - margin.b;
    /** @type {Range} */
    this.range = xaxis.range ?? [0, 1];
    this.scale = scale;
  }

  /** Pixels from the left of the plot. @param {number} x */
  across(x) {
    const [low, high] = this.range;
    return ((x - low) / (high - low)) * this.width;
  }

  /** What stands so many pixels from the left of the plot. @param {number} pixels */
  xAt(pixels) {
    const [low, high] = this.range;
    return low + (pixels / this.width) * (high - low);
  }

  /** Pixels from the top of the plot; what a log scale has no place for is below it. @param {number} value */
  down(value) {
    const { place, type, range } = this.scale;
    const height = place ? place(value) : type === "log" ? Math.log10(Math.max(value, Number.MIN_VALUE)) : value;
    return (1 - (height - range[0]) / (range[1] - range[0])) * this.height;
  }
}
