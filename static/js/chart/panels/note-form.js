/* The form to write a note, and how it is sent. */

import { readCookie } from "../../cookies.js";
import { refusal } from "../../post.js";

const LONGEST = 4000; // As services/marks.py has it.

/**
 * A form for the text of a note; what went wrong with saving it, it says itself.
 * @param {string} title
 * @param {string} text
 * @param {(text: string) => Promise<string | null>} save
 * @param {{saved: () => void, cancelled: () => void}} then
 */
export function formOf(title, text, save, { saved, cancelled }) {
  const form = document.createElement("form");
  const label = document.createElement("label");
  const area = document.createElement("textarea");
  const error = document.createElement("p");
  const actions = document.createElement("p");
  Object.assign(area, { value: text, rows: 3, maxLength: LONGEST, required: true, placeholder: "Markdown" });
  label.append(title, area);
  error.className = "error";
  error.setAttribute("role", "alert");
  actions.className = "row";
  actions.append(submit("Save"), button("Cancel", cancelled));
  form.append(label, error, actions);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const problem = await save(area.value);
    error.textContent = problem;
    if (!problem) saved();
  });
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  return form;
}

/**
 * @param {string} text
 * @param {() => void} action
 */
export function button(text, action) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = text;
  element.addEventListener("click", action);
  return element;
}

/** @param {string} text */
function submit(text) {
  const element = document.createElement("button");
  element.className = "primary";
  element.textContent = text;
  return element;
}

/**
 * What went wrong, or null.
 * @param {string} url
 * @param {Record<string, string>} fields
 */
export async function send(url, fields) {
  const headers = { "X-CSRF-TOKEN": readCookie(document.body.dataset.csrfCookie ?? ""), Accept: "application/json" };
  try {
    const answer = await fetch(url, { method: "POST", body: new URLSearchParams(fields), headers });
    if (answer.ok) return null;
    const said = await answer.text();
    return answer.headers.get("Content-Type")?.includes("json")
      ? detailOf(JSON.parse(said))
      : refusal(answer.status, said);
  } catch {
    return "The server cannot be reached. Your text is still here; try again.";
  }
}

/** @param {{detail?: string | {msg: string}[]}} error */
function detailOf({ detail }) {
  return typeof detail === "string" ? detail : (detail?.map(({ msg }) => msg).join("; ") ?? "The note was not saved.");
}
