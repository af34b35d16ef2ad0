/* Numbers for reading: four significant digits, as the server writes them. */

const NAMES = { NaN: "NaN", Infinity: "∞", "-Infinity": "−∞" };

/* A value of a message: the words for what is not finite become numbers again. */
export function number(value) {
  return typeof value === "string" ? Number(value) : value;
}

export function short(value) {
  if (value === null || value === undefined) return "–";
  const given = number(value);
  if (!Number.isFinite(given)) return NAMES[String(given)];
  const size = Math.abs(given);
  let text;
  if (Number.isInteger(given) && size < 1e6) text = String(given);
  else if (size >= 1e-3 && size < 1e6) text = given.toPrecision(4);
  else text = given.toExponential(3).replace(/\.?0+e/, "e").replace("e+", "e");
  return text.replaceAll("-", "−");
}

export function exact(value) {
  return String(number(value));
}

export function count(value) {
  return value.toLocaleString("en-US");
}

/* 95 as `1:35`, 3725 as `1:02:05`. */
export function clock(seconds) {
  const sign = seconds < 0 ? "−" : "";
  const whole = Math.abs(seconds);
  if (whole < 60) return `${sign}${short(whole)} s`;
  const two = (part) => String(Math.floor(part)).padStart(2, "0");
  const [h, m, s] = [whole / 3600, (whole / 60) % 60, whole % 60];
  return sign + (h >= 1 ? `${Math.floor(h)}:${two(m)}:${two(s)}` : `${Math.floor(m)}:${two(s)}`);
}

export function place(x, axis) {
  if (axis === "step") return `step ${count(x)}`;
  if (axis === "relative") return `after ${clock(x)}`;
  const date = new Date(x);
  if (Number.isNaN(date.getTime())) return `${count(x)} ms`; // Beyond what a date can be.
  return date.toISOString().replace("T", " ").replace(/\.?0*Z$/, " UTC");
}

/* Where a point of a series is: on its axis first, then otherwise. A step has all its digits. */
export function placed({ axis, steps, times, x }, i) {
  const [step, time] = [place(steps[i], "step"), place(Math.round(times[i] * 1000), "time")];
  if (axis === "step") return `${step}<br>${time}`;
  return axis === "time" ? `${time}<br>${step}` : `${place(x[i], axis)}<br>${step}<br>${time}`;
}
