// Start the Chromium of this machine; CHROME_PATH names another.
import { existsSync } from "node:fs";
import puppeteer from "puppeteer-core";

const known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export async function launch() {
  const executablePath = process.env.CHROME_PATH ?? known.find((path) => existsSync(path));
  if (!executablePath) {
    console.error("Chromium is missing: install it, or name it in CHROME_PATH.");
    process.exit(2);
  }
  // Chromium's sandbox refuses to run as root, whom a container often has.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return puppeteer.launch({ executablePath, args });
}
