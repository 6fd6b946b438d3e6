/** Look inside VGG: what a person chooses, and what is shown of it. */
import { $, all, bytesOf, listenTo, unpack } from "../common/dom.js";
import { inWords } from "../playground/mixtures.js";
import { blended, boxOf, colorOf, inside, lossOf, short, textureOf, within } from "./numbers.js";

/** @typedef {import("./numbers.js").Data} Data */

/** @type {Data} */
let data;
let layer = 0, channel = 0, row = 0, column = 0; // what is looked at
let entry = [0, 1]; // of the Gram matrix

/** @param {string} base64 */
const picture = (base64) => `data:image/jpeg;base64,${base64}`;

/** @param {HTMLElement} element @param {Record<string, number>} places as shares of its parent */
const place = (element, places) => {
  for (const [side, share] of Object.entries(places))
    element.style.setProperty(side, `${share * 100}%`);
};

/**
 * Draw numbers, a pixel each.
 * @param {HTMLCanvasElement} canvas
 * @param {number} height
 * @param {number} width
 * @param {(i: number) => number[]} color red, green and blue of number `i`
 */
function paint(canvas, height, width, color) {
  [canvas.width, canvas.height] = [width, height];
  const image = new ImageData(width, height);
  for (let i = 0; i < height * width; i++) image.data.set([...color(i), 255], 4 * i);
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(image, 0, 0);
}

// --- what a position sees ------------------------------------------------------------

/** Steps of the map, 0-255 each, of a channel of the layer. @param {number} k */
const stepsOf = (k) => bytesOf(data.layers[layer].channels[k].map);

/** @param {HTMLCanvasElement} canvas @param {number} k which channel of the layer */
function paintMap(canvas, k) {
  const { height, width } = data.layers[layer], steps = stepsOf(k);
  // The square root shows the weak answers beside the strongest.
  const gray = (/** @type {number} */ i) => Math.sqrt(steps[i] * 255);
  paint(canvas, height, width, (i) => [gray(i), gray(i), gray(i)]);
}

/**
 * Radio buttons, which bring their keys along.
 * @param {string} id of the fieldset, and name of its buttons
 * @param {(string | HTMLElement)[][]} contents of each label
 * @param {(k: number) => void} choose
 */
function offer(id, contents, choose) {
  for (const label of all(`#${id} label`)) label.remove();
  $(id).append(...contents.map((content, k) => {
    const label = document.createElement("label"), radio = document.createElement("input");
    Object.assign(radio, { type: "radio", name: id, value: k, onchange: () => choose(k) });
    label.append(radio, ...content);
    return label;
  }));
}

/** @param {string} id @param {number} k */
const check = (id, k) => { all(`#${id} input`)[k].checked = true; };

/** @param {number} k */
function chooseLayer(k) {
  const { height, width } = data.layers[layer], next = data.layers[k];
  const middle = [(row + 0.5) / height, (column + 0.5) / width];
  layer = k;
  offer("channels", next.channels.map(({ number }, i) => {
    const map = document.createElement("canvas");
    paintMap(map, i);
    return [map, `${number}`];
  }), chooseChannel);
  [row, column] = [Math.floor(middle[0] * next.height), Math.floor(middle[1] * next.width)];
  chooseChannel(0);
}

/** @param {number} k */
function chooseChannel(k) {
  channel = k;
  check("channels", k);
  paintMap($("map").firstChild, k);
  showExciting();
  look(row, column);
}

/** Go to a position of the map, the nearest where there is none. @param {number} down @param {number} across */
function look(down, across) {
  const one = data.layers[layer], { photograph } = data;
  const { height, width } = one;
  [row, column] = [within(down, height - 1), within(across, width - 1)];
  place($("cell"), { top: row / height, left: column / width, height: 1 / height, width: 1 / width });
  const { top, left, size } = boxOf(one, row, column);
  const [h, w] = [photograph.height, photograph.width];
  place($("box"), { top: top / h, left: left / w, height: size / h, width: size / w });
  showSeen(top, left, size);
  const { number, step } = one.channels[channel];
  const value = stepsOf(channel)[row * width + column] * step;
  const rows = inside(top, size, h), columns = inside(left, size, w);
  const part = rows < size || columns < size ? `, of which ${columns} x ${rows} are inside of the photograph` : "";
  $("said").textContent = `${one.name}, channel ${number}: row ${row + 1} of ${height}, column ${column + 1} of ${width} `
    + `answers ${value.toFixed(1)}, of ${(255 * step).toFixed(1)} at most. It sees ${size} x ${size} pixels${part}.`;
}

/** Enlarge a square of the photograph. @param {number} top @param {number} left @param {number} size */
function showSeen(top, left, size) {
  const canvas = $("seen");
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d");
  context.fillStyle = "gray";
  context.fillRect(0, 0, size, size);
  context.drawImage($("photograph").firstChild, -left, -top);
  canvas.setAttribute("aria-label", `${size} x ${size} pixels of the photograph, enlarged`);
}

// --- what excites the channel --------------------------------------------------------

function showExciting() {
  const { name, of, channels } = data.layers[layer];
  const { number, drawn, strongest } = channels[channel];
  $("which").textContent = `${name}, channel ${number}, one of ${of}:`;
  const shown = [{ jpeg: drawn, words: "drawn", alt: `What excites channel ${number} of ${name}, drawn` }];
  for (const patch of strongest)
    shown.push({ jpeg: patch.jpeg, words: `${patch.name}: ${short(patch.value)}`, alt: `Patch of ${patch.name}` });
  $("exciting").replaceChildren(...shown.map(({ jpeg, words, alt }) => {
    const figure = document.createElement("figure"), caption = document.createElement("figcaption");
    caption.textContent = words;
    figure.append(Object.assign(new Image(), { src: picture(jpeg), alt }), caption);
    return figure;
  }));
}

// --- the Gram matrix of a blend ------------------------------------------------------

/** The largest number of all matrices: they share one scale. */
const largest = () => Math.max(...data.gram.styles.flatMap(({ gram }) => gram.flat().map(Math.abs)));

/** @param {HTMLCanvasElement} canvas @param {number[][]} matrix */
function paintMatrix(canvas, matrix) {
  const values = matrix.flat(), most = largest();
  paint(canvas, matrix.length, matrix.length, (i) => colorOf(values[i], most));
}

/** Styles at both ends, and the share of the second. */
function blend() {
  const { styles } = data.gram, numbers = [Number($("from").value), Number($("to").value)];
  return { ends: numbers.map((k) => styles[k]), numbers, share: Number($("share").value) / 100 };
}

function showBlend() {
  const { ends, numbers, share } = blend();
  const inStyles = (/** @type {number} */ t) => inWords([1 - t, t], ends.map(({ name }) => name));
  const words = inStyles(share);
  $("words").textContent = words;
  $("share").setAttribute("aria-valuetext", words);
  paintMatrix($("gram").firstChild, blended(ends[0].gram, ends[1].gram, share));
  all(".style").forEach((figure, k) => {
    const { name, jpeg, gram, losses } = ends[k], [image, canvas] = figure.querySelectorAll("img, canvas");
    Object.assign(image, { src: picture(jpeg), alt: name });
    paintMatrix(canvas, gram);
    canvas.setAttribute("aria-label", `Gram matrix of ${name}`);
    const loss = lossOf(losses[numbers[1 - k]], k ? 1 - share : share);
    figure.querySelector("figcaption").textContent = `Style loss of the blend to it: ${loss.toFixed(3)}`;
  });
  const texture = textureOf(data.gram.textures, numbers[0], numbers[1], share);
  const made = `Texture for ${inStyles(texture.share)}`, [image, caption] = $("texture").children;
  Object.assign(image, { src: picture(texture.jpeg), alt: made });
  caption.textContent = `${made}, made from noise`;
  showEntry(entry[0], entry[1]);
}

/** Go to a pair of channels. @param {number} down @param {number} across */
function showEntry(down, across) {
  const { ends, share } = blend(), { layer, channels } = data.gram, last = channels.length - 1;
  entry = [within(down, last), within(across, last)];
  const [i, j] = entry, side = 1 / channels.length;
  place($("entry"), { top: i * side, left: j * side, height: side, width: side });
  const value = blended(ends[0].gram, ends[1].gram, share)[i][j];
  const which = i === j ? `Channel ${channels[i]} with itself` : `Channels ${channels[i]} and ${channels[j]}`;
  $("pair").textContent = `${which}: ${short(value)}, from ${short(ends[0].gram[i][j])} to ${short(ends[1].gram[i][j])}.`;
}

// --- the page ------------------------------------------------------------------------

function listen() {
  listenTo($("map"), true, (x, y) => {
    const { height, width } = data.layers[layer];
    look(Math.floor(y * height), Math.floor(x * width));
  }, (across, down, far) => look(row + down * (far ? 10 : 1), column + across * (far ? 10 : 1)));
  listenTo($("gram"), true, (x, y) => {
    const side = data.gram.channels.length;
    showEntry(Math.floor(y * side), Math.floor(x * side));
  }, (across, down) => showEntry(entry[0] + down, entry[1] + across));
  for (const id of ["from", "to", "share"]) $(id).oninput = showBlend;
}

async function start() {
  try {
    data = JSON.parse(new TextDecoder().decode(await unpack("data")));
  } catch {
    $("problem").textContent = "The page cannot be unpacked: use a browser of the last two years.";
    return;
  }
  const { photograph, layers, gram } = data, image = $("photograph").firstChild;
  Object.assign(image, { src: picture(photograph.jpeg), alt: `Photograph: ${photograph.name}` });
  await image.decode();
  offer("layers", layers.map(({ name, size }) => [`${name}: ${size} pixels`]), chooseLayer);
  for (const id of ["from", "to"])
    $(id).append(...gram.styles.map(({ name }, k) => new Option(name, `${k}`)));
  $("to").value = "1";
  const ends = $("scale").querySelectorAll("span");
  [ends[0].textContent, ends[1].textContent] = [short(-largest()), short(largest())];
  $("about").textContent = `${gram.layer}, the ${gram.channels.length} liveliest channels: red is above 0, blue below; the color goes with the square root. `
    + "The style loss is of all channels; 1 is that of a picture without any style.";
  listen();
  check("layers", 2);
  chooseLayer(2);
  const first = stepsOf(channel).indexOf(255), { width } = layers[layer];
  look(Math.floor(first / width), first % width); // where the channel answers most
  showBlend();
  document.querySelector("main")?.removeAttribute("aria-busy");
}

start();
