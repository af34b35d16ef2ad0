/* htmx requests: the CSRF token with each unsafe one, and a sentence when one fails. */

import { cookie } from "./cookies.js";
import { toast } from "./toast.js";

document.addEventListener("htmx:config:request", (event) => {
  const { request } = event.detail.ctx;
  if (request.method === "GET") return;
  // Read at request time: a token that was rendered into the page goes stale with a new session.
  request.headers["X-CSRF-TOKEN"] = cookie(document.body.dataset.csrfCookie);
});

document.addEventListener("htmx:response:error", (event) => {
  const { response, text, sourceElement } = event.detail.ctx;
  // A fragment that renews itself tries again by itself; only what a person did is answered with a message.
  if (sourceElement?.matches?.("[hx-trigger*='from:body']")) return;
  const page = new DOMParser().parseFromString(text ?? "", "text/html");
  toast(page.querySelector("#detail")?.textContent ?? `The server answered ${response.status}.`);
});

document.addEventListener("htmx:error", (event) => {
  const { ctx } = event.detail;
  if (ctx && !ctx.sourceElement?.matches?.("[hx-trigger*='from:body']")) {
    toast("The server cannot be reached. Nothing was changed; try again.");
  }
});
