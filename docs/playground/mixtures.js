/** How much of each style: numbers that add up to 1. */

/**
 * A mixture in words, as "25 % mosaic, 75 % great wave".
 * @param {number[]} mixture
 * @param {string[]} styles their names
 */
export const inWords = (mixture, styles) => mixture
  .map((share, i) => [Math.round(share * 100), styles[i]])
  .filter(([percent]) => percent)
  .map(([percent, name]) => `${percent} % ${name}`)
  .join(", ");

/**
 * @param {number[]} amounts of sliders, 0 or more; all 0 gives the first style
 */
export function normalized(amounts) {
  const sum = amounts.reduce((a, b) => a + b, 0);
  return sum > 0 ? amounts.map((x) => x / sum) : amounts.map((_, i) => (i ? 0 : 1));
}

/**
 * @param {number} style
 * @param {number} count of styles
 */
export const only = (style, count) =>
  Array.from({ length: count }, (_, i) => (i === style ? 1 : 0));

/**
 * Four styles in the corners of a square, mixed by where one is.
 * @param {number[]} corners styles at top left, top right, bottom left, bottom right
 * @param {number} x 0 left to 1 right
 * @param {number} y 0 top to 1 bottom
 * @param {number} count of styles
 */
export function ofCorners(corners, x, y, count) {
  const mixture = Array(count).fill(0);
  const shares = [(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y];
  corners.forEach((style, i) => { mixture[style] += shares[i]; });
  return mixture;
}
