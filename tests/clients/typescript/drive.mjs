// Serves the trader's page and opens it in headless Chromium; exits 0 only if the page says ok.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const [server, venue] = process.argv.slice(2);
const script = readFileSync("trader.js");
const host = createServer((request, response) => {
  const isScript = request.url.startsWith("/trader.js");
  response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
  response.end(isScript ? script : "<!doctype html><title>waiting</title><script type=module src=/trader.js></script>");
});
await new Promise((ready) => host.listen(0, "127.0.0.1", ready));
const page_url = `http://127.0.0.1:${host.address().port}/?server=${encodeURIComponent(server)}&venue=${venue}`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const page = await browser.newPage();
page.on("console", (message) => console.error(`browser: ${message.text()}`));
await page.goto(page_url);
await page.waitForFunction(() => document.title !== "waiting", undefined, { timeout: 60_000 });
const verdict = await page.title();
await browser.close();
host.close();
console.log(`TypeScript: ${verdict}`);
process.exit(verdict.startsWith("ok") ? 0 : 1);
