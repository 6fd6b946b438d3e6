/** What both pages do with their document. */

/** @param {string} id @returns {any} */
export const $ = (id) => document.getElementById(id);

/** @param {string} query @returns {any[]} */
export const all = (query) => [...document.querySelectorAll(query)];

/** @type {Record<string, number[]>} across and down */
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Let pointer and arrow keys choose a place of an element.
 * @param {HTMLElement} pad
 * @param {boolean} hover whether the pointer chooses without being pressed
 * @param {(x: number, y: number) => void} to gets a place, 0-1 each
 * @param {(across: number, down: number, far: boolean) => void} by gets a step of the
 *   keys, and whether Shift is held
 */
export function listenTo(pad, hover, to, by) {
  const at = (/** @type {PointerEvent} */ e) => {
    const box = pad.getBoundingClientRect();
    to((e.clientX - box.left) / box.width, (e.clientY - box.top) / box.height);
  };
  pad.onpointerdown = (e) => { pad.setPointerCapture(e.pointerId); at(e); };
  pad.onpointermove = (e) => { if (hover || e.buttons) at(e); };
  pad.onkeydown = (e) => {
    const step = STEPS[e.key];
    if (!step) return;
    e.preventDefault();
    by(step[0], step[1], e.shiftKey);
  };
}

/** The bytes of a base64 text. @param {string} text */
export const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** What the build packed: gzip in base64. @param {string} id */
export async function unpack(id) {
  const bytes = bytesOf($(id).textContent);
  $(id).remove();
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(plain).arrayBuffer();
}
