/**
 * Runs a network beside the page, so that sliders stay quick while it paints.
 *
 * Takes `{wasm}` once, then `{network}` and `{paint}`; answers each with its `id`.
 */
import * as ort from "onnxruntime-web/wasm";

/** @type {ort.InferenceSession | undefined} */
let session;

/**
 * @param {ArrayBuffer} bytes of an .onnx file
 * @returns {Promise<number>} how many styles it has
 */
async function load(bytes) {
  const next = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  if (!next.inputNames.includes("images") || !next.outputNames.includes("painted")) {
    await next.release();
    throw new Error("it has no input `images` and output `painted`");
  }
  await session?.release();
  session = next;
  const styles = /** @type {any[]} */ (next.inputMetadata).find((i) => i.name === "styles");
  return styles ? Number(styles.shape[0]) : 1;
}

/**
 * @param {{pixels: Float32Array, height: number, width: number, mixture: number[]}} job
 *   pixels are `[h, w, 3]`, 0-255
 * @returns {Promise<Float32Array>} `[h, w, 3]`, which may leave 0-255 a little
 */
async function paint({ pixels, height, width, mixture }) {
  if (!session) throw new Error("no network is loaded");
  const images = new ort.Tensor("float32", pixels, [1, height, width, 3]);
  /** @type {Record<string, ort.Tensor>} */
  const inputs = { images };
  if (session.inputNames.includes("styles"))
    inputs.styles = new ort.Tensor("float32", mixture, [mixture.length]);
  const { painted } = await session.run(inputs);
  return /** @type {Float32Array} */ (painted.data);
}

self.onmessage = async ({ data }) => {
  try {
    let answer;
    if (data.wasm) {
      ort.env.wasm.numThreads = 1; // needs no special headers of a server
      ort.env.wasm.wasmBinary = data.wasm;
    } else if (data.network) answer = await load(data.network);
    else answer = await paint(data.paint);
    self.postMessage({ id: data.id, answer });
  } catch (error) {
    self.postMessage({ id: data.id, error: String(error).slice(0, 300) });
  }
};
