/* The page's colours in the form that Plotly takes, read anew when the theme changes. */

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
