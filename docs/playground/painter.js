/**
 * Runs a network beside the page, so that sliders stay quick while it paints.
 *
 * Takes `{wasm}` once, then `{network}` and `{paint}`; answers each with its `id`.
 */
import * as ort from "onnxruntime-web/wasm";
import { metadata } from "./metadata.js";

/** @type {ort.InferenceSession | undefined} */
let session;

/**
 * @param {ArrayBuffer} bytes of an .onnx file
 * @returns {Promise<string[]>} its styles, by number where the file has no names
 */
async function load(bytes) {
  const next = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  const shape = (/** @type {string} */ name) =>
    /** @type {any[]} */ (next.inputMetadata).find((input) => input.name === name)?.shape;
  const anySize = typeof shape("images")?.[1] === "string";
  if (!anySize || !next.outputNames.includes("painted")) {
    await next.release();
    throw new Error("it has no `images` of any size, or no output `painted`");
  }
  await session?.release();
  session = next;
  const names = JSON.parse(metadata(new Uint8Array(bytes)).styles ?? "[]");
  const count = Number(shape("styles")?.[0] ?? 1);
  return Array.from({ length: count }, (_, i) =>
    String(names[i] ?? `style ${i + 1}`).replaceAll("_", " "));
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
