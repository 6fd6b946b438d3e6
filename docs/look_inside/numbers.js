/** What the page works out from the data; it knows nothing of the document. */

/**
 * @typedef {{name: string, value: number, jpeg: string}} Patch
 * @typedef {{number: number, step: number, map: string, drawn: string, strongest: Patch[]}} Channel
 * @typedef {{name: string, size: number, stride: number, start: number, height: number,
 *   width: number, of: number, channels: Channel[]}} Layer
 * @typedef {{name: string, jpeg: string, gram: number[][], losses: number[]}} Style
 * @typedef {{of: number[], jpegs: string[]}} Textures from the one style to the other
 * @typedef {{photograph: {name: string, height: number, width: number, jpeg: string},
 *   layers: Layer[], gram: {layer: string, channels: number[], styles: Style[],
 *   textures: Textures[]}}} Data
 */

/** @param {number} x @param {number} most */
export const within = (x, most) => Math.min(most, Math.max(0, x));

/**
 * The square that a position sees, in pixels: as `ReceptiveField.box` of
 * `style_workshop.features`.
 * @param {Layer} layer
 * @param {number} row
 * @param {number} column
 */
export function boxOf({ size, stride, start }, row, column) {
  return { top: start + row * stride, left: start + column * stride, size };
}

/**
 * How much of a side of the square lies inside of the photograph.
 * @param {number} start
 * @param {number} size
 * @param {number} side of the photograph
 */
export const inside = (start, size, side) => Math.min(start + size, side) - Math.max(start, 0);

/**
 * The matrix of a mixture of positions, some of the one picture and some of the other.
 * @param {number[][]} a
 * @param {number[][]} b
 * @param {number} share of `b`, 0-1
 */
export const blended = (a, b, share) =>
  a.map((row, i) => row.map((x, j) => (1 - share) * x + share * b[i][j]));

/**
 * The style loss of a blend to where it comes from: `share` of the way is `share ** 2`
 * of the loss, which is a square.
 * @param {number} loss from one end to the other
 * @param {number} share of the other end, 0-1
 */
export const lossOf = (loss, share) => share ** 2 * loss;

/**
 * The texture that is nearest to a blend, and the share of `to` that it was made for.
 * @param {Textures[]} textures
 * @param {number} from
 * @param {number} to
 * @param {number} share of `to`, 0-1
 */
export function textureOf(textures, from, to, share) {
  const has = (/** @type {Textures} */ { of }) => of.includes(from) && of.includes(to);
  const { of, jpegs } = /** @type {Textures} */ (textures.find(has));
  const last = jpegs.length - 1, at = Math.round(share * last);
  const steps = from === to ? 0 : at;
  return { jpeg: jpegs[of[0] === from ? steps : last - steps], share: at / last };
}

/** @type {number[][]} from below 0 to above */
const COLORS = [[33, 102, 172], [247, 247, 247], [178, 24, 43]];

/**
 * Red above 0, blue below; with the square root, or the diagonal would drown all else.
 * @param {number} value
 * @param {number} most of all values, which has the full color
 */
export function colorOf(value, most) {
  const depth = Math.sqrt(Math.min(1, Math.abs(value) / most));
  return COLORS[1].map((x, c) => x + depth * (COLORS[value < 0 ? 0 : 2][c] - x));
}

/** Three digits, as people write them. @param {number} x */
export const short = (x) => x.toLocaleString("en", { maximumSignificantDigits: 3 });
