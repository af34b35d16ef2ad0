/* The page's colours in the form that Plotly takes, read anew when the theme changes. */

/** How a line looks: `hue` is a property of the page, `dash` as SVG has it, empty for a solid line.
 * @typedef {{hue: string, dash: string}} Style */

const HUES = 10;

/**
 * Ten hues, and the same ten dashed.
 * @param {number} number the colour of a run, 0 to 19
 * @returns {Style}
 */
export function styleOf(number) {
  return { hue: `--hue-${number % HUES}`, dash: number >= HUES ? "6,3" : "" };
}

/**
 * A piece of a line as it looks in the charts, to stand before its name.
 * @param {Style} style
 */
export function swatch({ hue, dash }) {
  const template = document.createElement("template");
  template.innerHTML = `<svg class="swatch ${hue.slice(2)}" viewBox="0 0 14 10" aria-hidden="true"><path d="M1 5h12" stroke="currentColor" stroke-width="3.5" fill="none"/></svg>`;
  const svg = /** @type {SVGElement} */ (template.content.firstElementChild);
  if (dash) svg.querySelector("path")?.setAttribute("stroke-dasharray", "3 2");
  return svg;
}

/** @type {Map<string, string>} */
const cache = new Map();
/** @type {CanvasRenderingContext2D | null} */
let pen = null;
/** A property is only words; what it comes to, an element in the page says.
 * @type {HTMLElement | null} */
let probe = null;

/**
 * A custom property such as `--ink` as rgba(), `alpha` times as opaque.
 * @param {string} property
 */
export function colour(property, alpha = 1) {
  const key = `${property} ${alpha}`;
  let text = cache.get(key);
  if (!text) {
    text = rgba(pixel(property), alpha);
    cache.set(key, text);
  }
  return text;
}

/**
 * @param {ArrayLike<number>} pixel red, green, blue and opacity from 0 to 255
 * @param {number} alpha
 */
export function rgba(pixel, alpha) {
  const [r, g, b, a] = Array.from(pixel);
  return `rgba(${r}, ${g}, ${b}, ${((a / 255) * alpha).toFixed(3)})`;
}

/**
 * One painted pixel understands every notation of a colour.
 * @param {string} property
 */
function pixel(property) {
  if (!pen || !probe) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    pen = canvas.getContext("2d", { willReadFrequently: true });
    probe = document.createElement("span");
    probe.hidden = true;
    document.addEventListener("theme:change", () => cache.clear());
  }
  if (!pen) throw new Error("this browser draws no canvas");
  if (!probe.isConnected) document.body.append(probe);
  probe.style.color = `var(${property})`;
  pen.clearRect(0, 0, 1, 1);
  pen.fillStyle = getComputedStyle(probe).color;
  pen.fillRect(0, 0, 1, 1);
  return pen.getImageData(0, 0, 1, 1).data;
}
