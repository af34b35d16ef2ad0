/* Columns of numbers with a head of JSON, as aimanager/wire/columnar.py writes them. Typed arrays over the bytes of the
   response: nothing is parsed and nothing copied. */

const MAGIC = "AIMCOLS\x01";
const PREFIX = 16;
const ARRAYS = { f8: Float64Array, f4: Float32Array, i8: BigInt64Array };
const decoder = new TextDecoder();

/** @typedef {Float64Array | Float32Array | BigInt64Array} Column */
/** Where a column is: its kind, its offset in the data, its length.
 * @typedef {[keyof typeof ARRAYS, number, number]} Reference */
/** @typedef {(reference: Reference) => Column} ColumnReader */

/**
 * The head, and a function that gives the column of a reference in it.
 * @param {ArrayBuffer} buffer
 * @returns {{head: any, column: ColumnReader}}
 */
export function unpack(buffer) {
  const bytes = new Uint8Array(buffer);
  if (bytes.length < PREFIX || decoder.decode(bytes.subarray(0, MAGIC.length)) !== MAGIC) {
    throw new Error("the answer is not in columns");
  }
  const length = new DataView(buffer).getUint32(MAGIC.length, true);
  const head = JSON.parse(decoder.decode(bytes.subarray(PREFIX, PREFIX + length)));
  return { head, column: ([kind, offset, size]) => new ARRAYS[kind](buffer, PREFIX + length + offset, size) };
}
