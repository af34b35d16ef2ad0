/* htmx requests: the CSRF token with each unsafe one, and a sentence when one fails. */

import { readCookie } from "./cookies.js";
import { toast } from "./toast.js";

/** What htmx says about a request.
 * @typedef {{request: {method: string, headers: Record<string, string>}, response?: Response, text?: string,
 *   sourceElement?: Element}} RequestContext */

document.addEventListener("htmx:config:request", ({ detail }) => {
  const { request } = detail.ctx;
  if (request.method === "GET") return;
  // Read at request time: a token that was rendered into the page goes stale with a new session.
  request.headers["X-CSRF-TOKEN"] = readCookie(document.body.dataset.csrfCookie ?? "");
});

document.addEventListener("htmx:response:error", ({ detail }) => {
  const { response, text, sourceElement } = detail.ctx;
  if (renewsItself(sourceElement)) return;
  const page = new DOMParser().parseFromString(text ?? "", "text/html");
  toast(page.querySelector("#detail")?.textContent ?? `The server answered ${response?.status}.`);
});

document.addEventListener("htmx:error", ({ detail }) => {
  if (detail.ctx && !renewsItself(detail.ctx.sourceElement)) {
    toast("The server cannot be reached. Nothing was changed; try again.");
  }
});

/**
 * A fragment that renews itself tries again by itself; only what a person did is answered with a message.
 * @param {Element | undefined} element
 */
function renewsItself(element) {
  return Boolean(element?.matches?.("[hx-trigger*='from:body']"));
}
