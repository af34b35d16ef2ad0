/* A form that a script sends: with the CSRF token, and with the events that the answer asks for: in HX-Trigger, as htmx does, or in a
   body of JSON, which may be long. */

import { readCookie } from "./cookies.js";

/**
 * The status of the answer, or 0 if there was none. A failure is told by a toast.
 * @param {string} url
 * @param {Record<string, string | number | string[] | undefined>} fields
 */
export async function post(url, fields) {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) body.append(name, String(one));
  }
  const headers = { "X-CSRF-TOKEN": readCookie(document.body.dataset.csrfCookie ?? ""), Accept: "text/html" };
  try {
    const response = await fetch(url, { method: "POST", body, headers });
    if (!response.ok) raise("toast", { text: refusal(response.status, await response.text()), kind: "wrong" });
    const inBody = response.ok && response.headers.get("Content-Type")?.includes("json");
    const events = [
      ...eventsOf(response.headers.get("HX-Trigger")),
      ...Object.entries(inBody ? await response.json() : {}),
    ];
    for (const [name, detail] of events) raise(name, detail);
    return response.status;
  } catch {
    raise("toast", { text: "The server cannot be reached. Nothing was changed; try again.", kind: "wrong" });
    return 0;
  }
}

/**
 * What the page of an error says.
 * @param {number} status
 * @param {string} page
 */
export function refusal(status, page) {
  const detail = new DOMParser().parseFromString(page, "text/html").querySelector("#detail");
  return detail?.textContent ?? `The server answered ${status}.`;
}

/**
 * @param {string | null} header `a, b` or `{"a": {…}}`
 * @returns {[string, object][]}
 */
export function eventsOf(header) {
  if (!header) return [];
  if (header.startsWith("{")) return Object.entries(JSON.parse(header));
  return header.split(",").map((name) => [name.trim(), {}]);
}

/**
 * @param {string} name
 * @param {object} detail
 */
function raise(name, detail) {
  document.body.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
}
