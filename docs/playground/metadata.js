/** What the `metadata_props` of an .onnx file say, which the runtime does not tell. */

/** Fields of ONNX's ModelProto and StringStringEntryProto. */
const METADATA = 14, KEY = 1, VALUE = 2;

/**
 * @param {Uint8Array} bytes of the file
 * @returns {Record<string, string>}
 */
export function metadata(bytes) {
  const text = new TextDecoder();
  /** @type {Record<string, string>} */
  const found = {};
  for (const [field, value] of messages(bytes)) if (field === METADATA) {
    const row = new Map(messages(value));
    found[text.decode(row.get(KEY))] = text.decode(row.get(VALUE));
  }
  return found;
}

/**
 * Number and bytes of a protobuf message's fields that have a length; others are passed.
 * @param {Uint8Array} bytes
 * @returns {Generator<[number, Uint8Array]>}
 */
function* messages(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0, scale = 1, byte;
    do {
      byte = bytes[at++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte & 128);
    return value;
  };
  while (at < bytes.length) {
    const tag = varint(), kind = tag % 8;
    if (kind === 2) {
      const length = varint();
      yield [Math.floor(tag / 8), bytes.subarray(at, at + length)];
      at += length;
    } else if (kind === 0) varint();
    else at += kind === 1 ? 8 : 4;
  }
}
