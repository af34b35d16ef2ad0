/* Relative times stay true while the page is open: one clock for all of them. */

const UNITS = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [30 * 86400, 86400, "d"]];
const shown = new Set();

export function since(moment, now = Date.now()) {
  const seconds = (now - moment) / 1000;
  if (seconds < 5) return "just now";
  for (const [below, unit, name] of UNITS) {
    if (seconds < below) return `${Math.floor(seconds / unit)} ${name} ago`;
  }
  return new Date(moment).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
}

export function length(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (number) => String(number).padStart(2, "0");
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

export function start(element) {
  shown.add(element);
}

function tick() {
  if (document.hidden) return;
  for (const element of shown) {
    if (!element.isConnected) {
      shown.delete(element);
      continue;
    }
    const moment = Date.parse(element.dateTime);
    const text = element.dataset.js === "elapsed" ? length(Date.now() - moment) : since(moment);
    if (element.textContent !== text) element.textContent = text;
  }
}

setInterval(tick, 1000);
document.addEventListener("visibilitychange", tick);
