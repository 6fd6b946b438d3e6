/** The playground: what a person moves, and what is painted. */
import { $, all, bytesOf, listenTo, unpack } from "../common/dom.js";
import { inWords, normalized, ofCorners, only } from "./mixtures.js";
import { PictureError, decode, finish, read, sizeOf } from "./pictures.js";

/** @typedef {import("./pictures.js").Picture} Picture */

const SIZES = [128, 192, 256, 384, 512, 768, 1024];

const canvas = /** @type {HTMLCanvasElement} */ ($("canvas"));

/** @type {string[]} */
let styles = [];
/** @type {ImageBitmap | HTMLVideoElement | undefined} */
let source;
/** @type {{photo: Picture, painted: Float32Array[]} | undefined} */
let last;
let ready = false, busy = false, again = false, perPixel = 0, point = [0.5, 0.5];
let photoName = "";

// --- the worker ----------------------------------------------------------------------

const worker = new Worker(
  URL.createObjectURL(new Blob([$("painter").textContent], { type: "text/javascript" })),
);
/** @type {Map<number, {resolve: (answer: any) => void, reject: (e: Error) => void}>} */
const waiting = new Map();
let asked = 0;
worker.onmessage = (/** @type {MessageEvent} */ { data }) => {
  const { id, answer, error } = data;
  const { resolve, reject } = /** @type {any} */ (waiting.get(id));
  waiting.delete(id);
  error ? reject(new Error(error)) : resolve(answer);
};

worker.onerror = (/** @type {ErrorEvent} */ e) => {
  for (const { reject } of waiting.values()) reject(new Error(e.message));
};

/** @param {object} message @returns {Promise<any>} */
const ask = (message) => new Promise((resolve, reject) => {
  waiting.set(++asked, { resolve, reject });
  worker.postMessage({ id: asked, ...message });
});

// --- painting ------------------------------------------------------------------------

/** @param {string} text */
const say = (text) => { $("status").textContent = text; };

/** @param {string} text stays until a person does the next thing */
const complain = (text) => { $("problem").textContent = text; };

/** @param {unknown} error @param {string} otherwise */
const complainOf = (error, otherwise) =>
  complain(error instanceof PictureError ? error.message : otherwise);

const mode = () => all("[name=mode]").find((radio) => radio.checked).value;

/** The mixtures of one picture: two for a wipe, else one. */
function mixtures() {
  const count = styles.length;
  if (mode() === "wipe")
    return [$("left"), $("right")].map((s) => only(Number(s.value), count));
  if (mode() === "corners") {
    const corners = all(".corner").map((select) => Number(select.value));
    return [ofCorners(corners, point[0], point[1], count)];
  }
  return [normalized(all("#blend input").map((slider) => Number(slider.value)))];
}

/** Paint, or once more when what is being painted is done: the newest wish counts. */
async function paint() {
  if (!ready || !source) return;
  again = busy;
  if (busy) return;
  busy = true;
  try {
    const photo = read(source, Number($("size").value));
    const start = performance.now(), painted = [], wanted = mixtures();
    const live = source instanceof HTMLVideoElement; // another may be chosen meanwhile
    const { pixels, height, width } = photo;
    for (const mixture of wanted)
      painted.push(await ask({ paint: { pixels, height, width, mixture } }));
    const seconds = (performance.now() - start) / 1000;
    last = { photo, painted };
    show();
    const words = wanted.map((mixture) => inWords(mixture, styles)).join(" | ");
    canvas.setAttribute("aria-label", `Painting of ${photoName}: ${words}`);
    $("mixture").textContent = words;
    perPixel = seconds / painted.length / height / width;
    const rate = live ? `, ${(1 / seconds).toFixed(1)} frames a second` : "";
    say(`${width} x ${height} pixels, painted in ${seconds.toFixed(2)} s${rate}.`);
    expect();
  } catch (error) {
    complainOf(error, "This size does not fit into the browser's memory: use a smaller one.");
  }
  busy = false;
  if (again || source instanceof HTMLVideoElement) setTimeout(paint);
}

/** Put what was painted on the canvas; needs no network. */
function show() {
  if (!last) return;
  const { photo, painted } = last;
  const strength = Number($("strength").value) / 100, keep = $("keep").checked;
  [canvas.width, canvas.height] = [photo.width, photo.height];
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.putImageData(finish(photo, painted[0], strength, keep), 0, 0);
  if (!painted[1]) return;
  const x = Math.round((photo.width * Number($("border").value)) / 100);
  const right = finish(photo, painted[1], strength, keep);
  context.putImageData(right, 0, 0, x, 0, photo.width - x, photo.height);
  context.fillStyle = "white";
  context.fillRect(x - 1, 0, 2, photo.height);
}

/**
 * Write beside each size how long it will take, from how long the last took; sizes above
 * the first that shows the photograph as it is are not offered.
 */
function expect() {
  if (!source) return;
  const [width, height] = sizeOf(source), longest = Math.max(width, height);
  let whole = false;
  for (const option of $("size").options) {
    const side = Math.min(longest, Number(option.value));
    const seconds = perPixel * side * side * Math.min(width, height) / longest;
    option.textContent = `${side} pixels, ~${seconds.toFixed(seconds < 9.5 ? 1 : 0)} s`;
    option.hidden = option.disabled = whole;
    whole ||= side === longest;
  }
}

// --- photographs ---------------------------------------------------------------------

/**
 * @param {ImageBitmap | HTMLVideoElement} next
 * @param {string} name
 */
function take(next, name) {
  if (source instanceof HTMLVideoElement) stopWebcam(source);
  else source?.close();
  [source, photoName] = [next, name];
  for (const button of all("#photos button"))
    button.setAttribute("aria-pressed", String(button.id === `photo-${name}`));
  return paint();
}

/**
 * @param {Blob} file
 * @param {string} [name]
 */
async function takeFile(file, name = "your photograph") {
  try {
    await take(await decode(file), name);
  } catch (error) {
    complainOf(error, "This picture could not be opened.");
  }
}

/** @param {HTMLVideoElement} video */
function stopWebcam(video) {
  for (const track of /** @type {MediaStream} */ (video.srcObject).getTracks()) track.stop();
  $("webcam").setAttribute("aria-pressed", "false");
  $("status").setAttribute("aria-live", "polite");
}

/** Go on with the frame of the moment. @param {HTMLVideoElement} video */
const freeze = async (video) => take(await createImageBitmap(video), "the webcam's picture");

async function webcam() {
  if (source instanceof HTMLVideoElement) return freeze(source);
  try {
    const video = document.createElement("video");
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
    video.muted = true;
    await video.play();
    $("webcam").setAttribute("aria-pressed", "true");
    $("status").setAttribute("aria-live", "off"); // it would be read out for every frame
    $("size").value = "192";
    await take(video, "the webcam's picture");
  } catch {
    complain("There is no webcam that this page may use: allow it, or choose a file.");
  }
}

/** @param {ArrayBuffer} bytes of an .onnx file */
async function useNetwork(bytes) {
  styles = await ask({ network: bytes });
  listStyles();
}

/** @param {Blob} file */
async function takeNetwork(file) {
  say("The network is being read …");
  try {
    await useNetwork(await file.arrayBuffer());
  } catch {
    const advice = "write one with export, without --size";
    say("");
    return complain(`This file holds no network of this workshop: ${advice}.`);
  }
  await paint();
}

function save() {
  canvas.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(/** @type {Blob} */ (blob));
    link.download = "painted.png";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

// --- the page ------------------------------------------------------------------------

function listStyles() {
  $("blend").replaceChildren(...styles.flatMap((name, i) => {
    const button = document.createElement("button"), slider = document.createElement("input");
    const share = document.createElement("output");
    Object.assign(button, { type: "button", textContent: name, title: `Only ${name}` });
    Object.assign(slider, { type: "range", min: 0, max: 100, value: i ? 0 : 100, ariaLabel: name });
    button.onclick = () => {
      all("#blend input").forEach((other, k) => { other.value = k === i ? 100 : 0; });
      blend();
    };
    slider.oninput = blend;
    return [button, slider, share];
  }));
  all("select.style").forEach((select, i) => {
    select.replaceChildren(...styles.map((name, k) => new Option(name, `${k}`)));
    select.value = String([0, 1, 0, 1, 2, 3][i] % styles.length);
    select.onchange = paint;
  });
  writeShares();
}

function blend() {
  writeShares();
  paint();
}

/** Write beside each slider how much of its style there is. */
function writeShares() {
  const shares = normalized(all("#blend input").map((slider) => Number(slider.value)));
  all("#blend output").forEach((output, i) => {
    output.textContent = `${Math.round(shares[i] * 100)} %`;
  });
}

function listPhotos() {
  const photos = JSON.parse($("photographs").textContent);
  $("photos").append(...Object.entries(photos).map(([name, address]) => {
    const button = document.createElement("button"), picture = new Image();
    Object.assign(button, { type: "button", id: `photo-${name}` });
    Object.assign(picture, { src: address, alt: name });
    button.append(picture);
    button.onclick = async () => {
      const bytes = bytesOf(address.split(",")[1]);
      await takeFile(new Blob([bytes], { type: "image/jpeg" }), name);
    };
    return button;
  }));
}

/** @param {number} x @param {number} y */
function move(x, y) {
  point = [x, y].map((value) => Math.min(1, Math.max(0, value)));
  Object.assign($("point").style, { left: `${point[0] * 100}%`, top: `${point[1] * 100}%` });
  paint();
}

function listen() {
  listenTo($("pad"), false, move, (across, down) =>
    move(point[0] + across / 20, point[1] + down / 20));
  for (const radio of all("[name=mode]")) radio.onchange = () => {
    for (const id of ["blend", "wipe", "corners"]) $(id).hidden = id !== mode();
    paint();
  };
  for (const id of ["strength", "keep", "border"]) $(id).oninput = show;
  $("size").onchange = paint;
  $("file").onchange = () => $("file").files[0] && takeFile($("file").files[0]);
  $("network").onchange = () => $("network").files[0] && takeNetwork($("network").files[0]);
  $("webcam").onclick = webcam;
  $("save").onclick = save;
  for (const kind of ["change", "click", "drop"])
    document.addEventListener(kind, () => complain(""), true);
  document.ondragover = (e) => e.preventDefault();
  document.ondrop = (e) => {
    e.preventDefault();
    const file = e.dataTransfer?.files[0];
    if (file) file.name.endsWith(".onnx") ? takeNetwork(file) : takeFile(file);
  };
}

async function start() {
  $("size").append(...SIZES.map((side) => new Option(`${side} pixels`, `${side}`)));
  $("size").value = "384";
  listPhotos();
  listen();
  try {
    await ask({ wasm: await unpack("wasm") });
    await useNetwork(await unpack("onnx"));
    ready = true;
    $("photo-cat").click();
  } catch {
    say("");
    complain("The network does not start: use a browser of the last two years.");
  }
}

start();
