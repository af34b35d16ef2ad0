/* Columns of numbers with a head of JSON, as `aimanager/columnar.py` writes them: typed arrays over the answer itself,
   nothing is parsed and nothing copied. */

const MAGIC = "AIMCOLS\x01";
const KINDS = { f8: Float64Array, f4: Float32Array, i8: BigInt64Array };
const PREFIX = 16;
const text = new TextDecoder();

/* The head, and a function that gives the column of a reference in it. */
export function unpack(buffer) {
  if (text.decode(new Uint8Array(buffer, 0, MAGIC.length)) !== MAGIC) throw new Error("the answer is not in columns");
  const length = new DataView(buffer).getUint32(MAGIC.length, true);
  const head = JSON.parse(text.decode(new Uint8Array(buffer, PREFIX, length)));
  const column = ([kind, offset, count]) => new KINDS[kind](buffer, PREFIX + length + offset, count);
  return { head, column };
}
