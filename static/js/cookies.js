/* Cookies that scripts may read. */

/** @param {string} name */
export function readCookie(name) {
  const cookie = document.cookie.split("; ").find((text) => text.startsWith(`${name}=`));
  return cookie ? decodeURIComponent(cookie.slice(name.length + 1)) : "";
}

/**
 * @param {string} name
 * @param {string} value
 */
export function writeCookie(name, value) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing in Firefox and on plain HTTP.
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=31536000; samesite=lax${secure}`;
}
