// What the tests look at: runs, a hostile history and a matrix, made by the command itself in a folder of their own.
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const QUORATE = process.env.QUORATE_BIN ?? path.resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target", "debug/quorate");

// A key that is markup, read as nothing after it was written.
export const HOSTILE_KEY = "</script><img src=x onerror=alert(1)>";
const HOSTILE = [["write", 0, "invoke", 1], ["write", 0, "ok", 1], ["read", 1, "invoke", null], ["read", 1, "ok", null]]
  .map(([f, process, type, value], index) => JSON.stringify({ index, time: (index + 1) * 1e6, process, type, f, key: HOSTILE_KEY, value }))
  .join("\n") + "\n";

export class Made {
  constructor() {
    this.folder = mkdtempSync(path.join(tmpdir(), "quorate-browser-"));
  }

  // The exit code may be any: a violation is one as well.
  quorate(line) {
    try {
      return execFileSync(QUORATE, line.split(" "), { cwd: this.folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    } catch (error) {
      if (error.status === null || error.status === undefined || error.status >= 64) throw new Error(`${line}: ${error.stderr ?? error}`);
      return error.stdout;
    }
  }

  url(...parts) {
    return pathToFileURL(path.join(this.folder, ...parts)).href;
  }

  // A run in virtual time, and the address of its report.
  simulated(line) {
    const { run } = JSON.parse(this.quorate(`sim ${line} --format json -q`));
    return { run, report: this.url(run, "report.html") };
  }

  hostile() {
    writeFileSync(path.join(this.folder, "hostile.jsonl"), HOSTILE);
    this.quorate("report hostile.jsonl --model register -o hostile.html");
    return this.url("hostile.html");
  }

  matrix(line) {
    writeFileSync(path.join(this.folder, "matrix.html"), this.quorate(`matrix ${line} --format html --quiet`));
    return this.url("matrix.html");
  }

  // A copy of a run that goes on, as far as its folder tells.
  unfinished(run) {
    const folder = path.join(this.folder, path.dirname(run), "29991231T235959Z-1");
    cpSync(path.join(this.folder, run), folder, { recursive: true });
    const { ended, ...manifest } = JSON.parse(readFileSync(path.join(folder, "run.json"), "utf8"));
    writeFileSync(path.join(folder, "run.json"), JSON.stringify(manifest));
    for (const file of readdirSync(folder)) if (/^(verdict|report|junit)/.test(file)) rmSync(path.join(folder, file));
    writeFileSync(path.join(folder, "history.jsonl"), readFileSync(path.join(folder, "history.jsonl")));
  }

  // Serves the runs until `stop` is called.
  async serve() {
    const child = spawn(QUORATE, ["serve", "--port", "0", "--format", "json"], { cwd: this.folder, stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise((done) => child.once("exit", done));
    for await (const line of createInterface({ input: child.stdout })) {
      return { url: JSON.parse(line).url, stop: () => (child.kill("SIGINT"), ended) };
    }
    throw new Error("quorate serve has ended");
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
