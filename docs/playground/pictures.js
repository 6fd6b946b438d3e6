/** Pictures as numbers: `[h, w, 3]`, 0-255, in a Float32Array. */

/** @typedef {{pixels: Float32Array, height: number, width: number}} Picture */

/** More than this a phone cannot decode beside everything else. */
export const MOST_PIXELS = 50e6;

/** What a person can put right; its message is one sentence. */
export class PictureError extends Error {}

/**
 * Height times width of a JPEG or PNG, read from its first bytes, before it is decoded.
 * @param {DataView} view
 * @returns {number} 0 where it is another kind of file
 */
export function pixelsOf(view) {
  if (view.byteLength > 24 && view.getUint32(0) === 0x89504e47)
    return view.getUint32(16) * view.getUint32(20);
  if (view.byteLength < 4 || view.getUint16(0) !== 0xffd8) return 0;
  for (let at = 2; at + 9 < view.byteLength; ) {
    const marker = view.getUint16(at);
    const frame = marker >= 0xffc0 && marker <= 0xffcf;
    if (frame && ![0xffc4, 0xffc8, 0xffcc].includes(marker))
      return view.getUint16(at + 5) * view.getUint16(at + 7);
    at += 2 + view.getUint16(at + 2);
  }
  return 0;
}

/**
 * Decode a file of a person.
 * @param {Blob} file
 */
export async function decode(file) {
  const head = await file.slice(0, 1 << 20).arrayBuffer();
  if (pixelsOf(new DataView(head)) > MOST_PIXELS)
    throw new PictureError("This picture has more than 50 megapixels: make it smaller.");
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new PictureError("This file is no picture that the browser can read.");
  }
}

/**
 * Width and height.
 * @param {ImageBitmap | HTMLVideoElement} source
 */
export const sizeOf = (source) => "videoWidth" in source
  ? [source.videoWidth, source.videoHeight] : [source.width, source.height];

/**
 * Draw it at a size and read its numbers.
 * @param {ImageBitmap | HTMLVideoElement} source
 * @param {number} longest side in pixels; never larger than the picture is
 * @returns {Picture}
 */
export function read(source, longest) {
  const [w, h] = sizeOf(source);
  const scale = Math.min(1, longest / Math.max(w, h));
  const [width, height] = [w, h].map((side) => Math.max(8, Math.round(side * scale)));
  const context = new OffscreenCanvas(width, height).getContext("2d");
  if (!context) throw new PictureError("This browser has no memory left for a picture.");
  context.imageSmoothingQuality = "high";
  context.fillStyle = "white"; // under what is transparent
  context.fillRect(0, 0, width, height);
  context.drawImage(source, 0, 0, width, height);
  const rgba = context.getImageData(0, 0, width, height).data;
  const pixels = new Float32Array(height * width * 3);
  for (let i = 0, j = 0; i < pixels.length; i += 3, j += 4)
    for (let c = 0; c < 3; c++) pixels[i + c] = rgba[j + c];
  return { pixels, height, width };
}

/**
 * Finish what the network painted: its share, and the photograph's colors if asked.
 *
 * The colors stay as in `style_workshop.color.restore_chroma`: red, green and blue of
 * the photograph change by the same amount, that of the luminance.
 * @param {Picture} photo
 * @param {Float32Array} painted
 * @param {number} strength 0 is the photograph, 1 the painting
 * @param {boolean} keep the photograph's colors
 */
export function finish(photo, painted, strength, keep) {
  const { pixels, height, width } = photo;
  const data = new Uint8ClampedArray(height * width * 4);
  const clip = (/** @type {number} */ x) => Math.min(255, Math.max(0, x));
  for (let i = 0, j = 0; i < pixels.length; i += 3, j += 4) {
    const was = [pixels[i], pixels[i + 1], pixels[i + 2]];
    let now = [clip(painted[i]), clip(painted[i + 1]), clip(painted[i + 2])];
    if (keep) {
      const change = luminance(now) - luminance(was);
      now = was.map((x) => clip(x + change));
    }
    for (let c = 0; c < 3; c++) data[j + c] = was[c] + strength * (now[c] - was[c]);
    data[j + 3] = 255;
  }
  return new ImageData(data, width, height);
}

/** @param {number[]} rgb */
const luminance = ([r, g, b]) => 0.299 * r + 0.587 * g + 0.114 * b;
