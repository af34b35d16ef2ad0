/* The page's colours in the form that Plotly takes, read anew when the theme changes. */

const canvas = document.createElement("canvas");
canvas.width = canvas.height = 1;
const pen = canvas.getContext("2d", { willReadFrequently: true });
const probe = document.createElement("span"); // A property is only words: what it comes to, an element in the page says.
probe.hidden = true;
let known = new Map();

document.addEventListener("theme:change", () => (known = new Map()));

/* A custom property such as `--ink` as rgba(), `alpha` times as opaque: one painted pixel knows every notation. */
export function colour(property, alpha = 1) {
  const key = `${property} ${alpha}`;
  if (!known.has(key)) {
    if (!probe.isConnected) document.body.append(probe);
    probe.style.color = `var(${property})`;
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = getComputedStyle(probe).color;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    known.set(key, `rgba(${r}, ${g}, ${b}, ${((a / 255) * alpha).toFixed(3)})`);
  }
  return known.get(key);
}
