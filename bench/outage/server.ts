/**
 * A Sightline server on a port that stays: it comes back where the program looks for it.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { SdkProcess } from "@sightline/wire/model/sdk-process";
import { killTree } from "../measure/processes.ts";
import { freePort, type Program, startProgram } from "../systems/processes.ts";

const root = join(import.meta.dirname, "..", "..");

export class Server {
  readonly url: string;
  readonly #folder: string;
  readonly #from: "build" | "source";
  readonly #port: number;
  #program: Program | undefined;

  private constructor(folder: string, from: "build" | "source", port: number) {
    this.#folder = folder;
    this.#from = from;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Starts a server on a fresh folder. */
  static async start(folder: string, from: "build" | "source"): Promise<Server> {
    mkdirSync(folder, { recursive: true });
    const server = new Server(folder, from, await freePort());
    await server.startAgain();
    return server;
  }

  async startAgain(): Promise<void> {
    const args =
      this.#from === "build"
        ? [join(root, "packages/cli/dist/main.js"), "server"]
        : ["--import", "tsx", "--conditions=@sightline/source", join(root, "packages/cli/src/main.ts"), "server"];
    this.#program = await startProgram({
      command: process.execPath,
      args,
      cwd: root,
      env: {
        SIGHTLINE_PORT: String(this.#port),
        SIGHTLINE_DATA_DIR: join(this.#folder, "data"),
        SIGHTLINE_DEMO: "off",
      },
      logFile: join(this.#folder, "server.log"),
      isReady: async () => (await fetch(`${this.url}/health`)).ok,
      timeoutMs: 120_000,
    });
  }

  /** Freezes its processes, or lets them go on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    process.kill(-this.#pid, signal);
  }

  /** Ends all of its processes at once. */
  async kill(): Promise<void> {
    await killTree([this.#pid]);
  }

  async stop(): Promise<void> {
    await this.#program?.stop();
  }

  async storedSpans(): Promise<number> {
    const answer = await fetch(`${this.url}/api/v1/stats`);
    return ((await answer.json()) as { spans: number }).spans;
  }

  /** What the server says of the only program that has sent to it. */
  async sdkProcess(): Promise<SdkProcess> {
    const answer = await fetch(`${this.url}/api/v1/sdk-processes`);
    const [process] = ((await answer.json()) as { processes: SdkProcess[] }).processes;
    if (process === undefined) throw new Error("the server knows of no program");
    return process;
  }

  get #pid(): number {
    if (this.#program === undefined) throw new Error("the server was not started");
    return this.#program.pid;
  }
}
