/* The row of controls over the charts: each shows the view and changes it. */

import { AMOUNTS } from "./smooth.js";
import { metricOf } from "./view.js";
import { yRangeFrom, yRangeText } from "./y-range.js";

/** @typedef {import("./smooth.js").Smoothing} Smoothing */
/** @typedef {import("./view.js").PageView} View */

const AXES = { "": "As defined", step: "Step", time: "Time", relative: "Since start" };
const SMOOTHINGS = { ema: "Exponential", gauss: "Gaussian", mean: "Mean of" };
const UNITS = { ema: "Weight", gauss: "Deviation in points", mean: "Points" };

export class Controls {
  /** @param {import("./index.js").Charts} charts */
  constructor(charts) {
    this.charts = charts;
    charts.root.addEventListener("click", (event) => this.click(event));
    charts.root.addEventListener("change", (event) => this.change(event));
    charts.root.addEventListener("input", (event) => this.input(event));
    charts.root.addEventListener("toggle", (event) => this.open(event), { capture: true });
  }

  /**
   * @param {string} selector
   * @returns {any} an element of the row, which may not be there as long as there are no charts
   */
  find(selector) {
    return this.charts.root.querySelector(`.controls ${selector}`);
  }

  /** @param {MouseEvent} event */
  click(event) {
    const button = /** @type {HTMLElement} */ (event.target).closest(".controls button");
    if (!button) return;
    const { x, smooth, y, whole } = /** @type {HTMLElement} */ (button).dataset;
    if (x !== undefined) this.charts.setView({ axis: /** @type {View["axis"]} */ (x || null) });
    if (smooth !== undefined) this.charts.setView({ smoothing: beginning(smooth) });
    if (y !== undefined) this.charts.setView({ yRange: yRangeFrom(y) });
    if (whole !== undefined) this.charts.setView({ range: null });
  }

  /** @param {Event} event */
  change({ target }) {
    const input = /** @type {HTMLInputElement} */ (target);
    if ("log" in input.dataset) this.charts.setView({ log: input.checked });
    if ("logX" in input.dataset) this.charts.setView({ logX: input.checked });
    if ("yLow" in input.dataset || "yHigh" in input.dataset) this.setHand();
    if ("xMetric" in input.dataset) this.setMetric(input);
  }

  /** @param {Event} event */
  input({ target }) {
    const input = /** @type {HTMLInputElement} */ (target);
    const { smoothing } = this.charts.view;
    if ("amountRange" in input.dataset && smoothing) {
      this.charts.setView({ smoothing: { kind: smoothing.kind, amount: Number(input.value) } });
    }
    // One that was picked from the list needs no further key.
    if ("xMetric" in input.dataset && this.names().has(input.value)) this.setMetric(input);
  }

  /** @param {HTMLInputElement} input */
  setMetric(input) {
    const name = input.value.trim();
    const isKnown = this.names().has(name);
    input.toggleAttribute("aria-invalid", !isKnown && name !== "");
    if (isKnown) this.charts.setView({ axis: `metric:${name}` });
    else if (!name && metricOf(this.charts.view.axis ?? "step") !== null) this.charts.setView({ axis: "step" });
  }

  setHand() {
    const inputs = [this.find("[data-y-low]"), this.find("[data-y-high]")];
    const texts = inputs.map((input) => input.value.trim().replace(",", "."));
    const yRange = yRangeFrom(texts.join(".."));
    const isWrong = yRange === null && texts.some(Boolean);
    for (const input of inputs) {
      if (isWrong) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
    if (!isWrong) this.charts.setView({ yRange });
  }

  names() {
    return new Set([...this.charts.cards.values()].flatMap((card) => card.spec.metrics));
  }

  /** The names of the metrics are listed when somebody may look for one. @param {Event} event */
  open({ target }) {
    const menu = /** @type {HTMLDetailsElement} */ (target);
    const list = menu.open && menu.dataset?.menu === "x" ? menu.querySelector("datalist") : null;
    list?.replaceChildren(...[...this.names()].sort().map((name) => new Option(name, name)));
  }

  /**
   * Show the view in the controls.
   * @param {View} view
   */
  show(view) {
    if (!this.find("[data-menu]")) return;
    this.find("[data-whole]").hidden = !view.range;
    this.showX(view);
    this.showSmoothing(view);
    this.showY(view);
  }

  /** @param {View} view */
  showX({ axis: chosen, logX }) {
    const { size } = this.charts.ownAxes;
    const axis = chosen ?? (size ? "" : "step");
    const metric = chosen && metricOf(chosen);
    this.find("[data-x='']").hidden = !size;
    press(this.charts.root, "x", axis);
    this.find("[data-log-x]").checked = logX;
    this.find("[data-log-x]").disabled = axis === "time";
    if (document.activeElement !== this.find("[data-x-metric]")) this.find("[data-x-metric]").value = metric ?? "";
    const name = metric ?? AXES[/** @type {keyof typeof AXES} */ (axis)];
    this.say("x", logX && axis !== "time" ? `${name}, log` : name);
  }

  /** @param {View} view */
  showSmoothing({ smoothing }) {
    press(this.charts.root, "smooth", smoothing?.kind ?? "");
    this.find("[data-amount]").hidden = !smoothing;
    this.say("smoothing", smoothing ? `${SMOOTHINGS[smoothing.kind]} ${smoothing.amount}` : "Off");
    if (!smoothing) return;
    const { kind, amount } = smoothing;
    const { least, most, step } = AMOUNTS[kind];
    const range = this.find("[data-amount-range]");
    Object.assign(range, { min: least, max: most, step });
    if (Number(range.value) !== amount) range.value = String(amount);
    this.find("[data-amount-value]").textContent = String(amount);
    this.find("[data-amount-of]").textContent = UNITS[kind];
  }

  /** @param {View} view */
  showY({ log, yRange }) {
    const text = yRangeText(yRange) ?? "";
    press(this.charts.root, "y", text);
    this.find("[data-log]").checked = log;
    const [low, high] = yRange?.kind === "hand" ? [yRange.low, yRange.high] : [null, null];
    for (const [end, value] of /** @type {const} */ ([
      ["low", low],
      ["high", high],
    ])) {
      const input = this.find(`[data-y-${end}]`);
      if (document.activeElement !== input) input.value = value ?? "";
    }
    const range =
      yRange?.kind === "hand" ? `${low ?? "lowest"} to ${high ?? "highest"}` : text.replace(/p(.*)-(.*)/, "$1–$2 %");
    this.say("y", [log ? "Log" : "Linear", range].filter(Boolean).join(", "));
  }

  /**
   * @param {string} what
   * @param {string} text
   */
  say(what, text) {
    this.find(`[data-says="${what}"]`).textContent = text;
  }
}

/**
 * @param {HTMLElement} root
 * @param {string} name
 * @param {string} value
 */
function press(root, name, value) {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (
    root.querySelectorAll(`.controls button[data-${name}]`)
  )) {
    button.setAttribute("aria-pressed", String(button.dataset[name] === value));
  }
}

/**
 * A kind of smoothing with the amount that it begins with.
 * @param {string} kind
 * @returns {Smoothing | null}
 */
function beginning(kind) {
  const known = /** @type {Smoothing["kind"]} */ (kind);
  return kind ? { kind: known, amount: AMOUNTS[known].first } : null;
}
