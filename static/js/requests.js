/* htmx requests: the CSRF token with each unsafe one, and a sentence when one fails. */

import { readCookie } from "./cookies.js";
import { refusal } from "./post.js";
import { toast } from "./toast.js";

const RENEWAL_TIMEOUT = 10_000; // Milliseconds.

/** What htmx says about a request.
 * @typedef {{request: {method: string, headers: Record<string, string>, timeout?: number, action: string, body?: FormData | null},
 *   response?: Response, text?: string, push?: string, replace?: string, sourceElement?: Element, sourceEvent?: Event}} RequestContext */

document.addEventListener("htmx:config:request", ({ detail }) => {
  const { request, sourceElement } = detail.ctx;
  if (renewsItself(sourceElement)) request.timeout = RENEWAL_TIMEOUT;
  if (request.method === "GET") return;
  // Read at request time: a token that was rendered into the page goes stale with a new session.
  request.headers["X-CSRF-TOKEN"] = readCookie(document.body.dataset.csrfCookie ?? "");
});

document.addEventListener("htmx:response:error", ({ detail }) => {
  const { response, text, sourceElement } = detail.ctx;
  if (renewsItself(sourceElement)) return;
  toast(refusal(response?.status ?? 0, text ?? ""));
});

document.addEventListener("htmx:error", ({ detail }) => {
  const { ctx, error } = detail;
  if (!ctx) return;
  if (!renewsItself(ctx.sourceElement)) {
    toast("The server cannot be reached. Nothing was changed; try again.");
  } else if (error === "timeout") {
    // The browser may have kept connections that froze, which shows only after a wait: take another.
    setTimeout(() => document.body.dispatchEvent(new CustomEvent("look:again", { bubbles: true })));
  }
});

/**
 * A fragment that renews itself tries again by itself; only what a person did is answered with a message.
 * @param {Element | undefined} element
 */
function renewsItself(element) {
  return Boolean(element?.matches?.("[hx-trigger*='from:body']"));
}
