/**
 * Uploads what was taken out of spans, beside the spans themselves.
 */
import { toTraceId } from "@sightline/wire/ids";
import { warnOnce } from "../diagnostics.ts";
import type { LiftedAttachment } from "./prepared-span.ts";
import { type Answer, Sender } from "./sender.ts";

export interface UploadOptions {
  /** Address of the server, `http(s)://…` without a slash at the end. */
  readonly url: string;
  readonly apiKey?: string | undefined;
  /** A try failed and another will follow. */
  readonly onRetry: (reason: string) => void;
}

/** What became of some attachments. */
export interface UploadOutcome {
  /** The server has them; those that it had before included. */
  readonly uploaded: number;
  /** The server will not take them. */
  readonly refused: number;
  /** Given up. */
  readonly unsent: number;
}

/** Requests at a time: one large file must not hold up all others, and many must not fill the line. */
const LANES = 2;
/** A server that answers is tried again so often, for about a minute; one that does not answer as long as it takes. */
const MAX_ANSWERED_TRIES = 10;
/** Conversations repeat their files with every turn. */
const MAX_KNOWN = 10_000;
/** A slow line: 256 KB a second. */
const SLOWEST_BYTES_PER_MS = 256;
const ANSWER_TIMEOUT_MS = 15_000;

/** Uploads attachments to one server. */
export class AttachmentUploader {
  readonly #url: string;
  readonly #lanes: readonly Lane[];
  /** Trace and id of what the server has. */
  readonly #known = new Set<string>();

  constructor(options: UploadOptions) {
    this.#url = options.url;
    this.#lanes = Array.from({ length: LANES }, () => new Lane(options));
  }

  /**
   * Uploads attachments, each once. Never rejects: an attachment that is not taken leaves a reference that leads nowhere, which is no
   * reason to lose the span.
   *
   * @param signal  gives up
   */
  async upload(attachments: readonly LiftedAttachment[], signal: AbortSignal): Promise<UploadOutcome> {
    const outcome = { uploaded: 0, refused: 0, unsent: 0 };
    const waiting = [...attachments].reverse();
    const work = async (lane: Lane): Promise<void> => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        outcome[await this.#uploadOne(next, lane, signal)] += 1;
      }
    };
    await Promise.all(this.#lanes.map(work));
    return outcome;
  }

  /** Ends pauses before the next tries. */
  hurry(): void {
    for (const { sender } of this.#lanes) sender.hurry();
  }

  /** Closes kept connections. */
  close(): void {
    for (const { sender } of this.#lanes) sender.close();
  }

  async #uploadOne(attachment: LiftedAttachment, lane: Lane, signal: AbortSignal): Promise<keyof UploadOutcome> {
    const { attachmentId, contentType, bytes } = attachment;
    const path = `/api/v1/traces/${toTraceId(attachment.traceId)}/attachments/${attachmentId}`;
    if (this.#known.has(path)) return "uploaded";
    const request = {
      method: "PUT",
      url: new URL(this.#url + path),
      headers: { "content-type": contentType },
      body: [bytes],
      answerTimeoutMs: ANSWER_TIMEOUT_MS + bytes.length / SLOWEST_BYTES_PER_MS,
    } as const;
    const answer = await lane.send(request, signal);
    if (answer === undefined) return "unsent";
    if (answer.status >= 200 && answer.status <= 299) {
      this.#remember(path);
      return "uploaded";
    }
    warnOnce(
      `attachment refused ${answer.status}`,
      `${this.#url} does not take an attachment of ${bytes.length} bytes (${contentType}) with status ${answer.status}: ${answer.body.toString("utf8").slice(0, 200)} The span says that it was there; init({ attachments: false }) keeps files in the spans.`,
    );
    return "refused";
  }

  #remember(path: string): void {
    // A Set keeps the order in which they came.
    const [oldest] = this.#known;
    if (oldest !== undefined && this.#known.size >= MAX_KNOWN) this.#known.delete(oldest);
    this.#known.add(path);
  }
}

/** One request at a time. */
class Lane {
  readonly sender: Sender;
  #answeredTries = 0;
  #givingUp = new AbortController();
  #lastStatus = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor({ url, apiKey, onRetry }: UploadOptions) {
    this.sender = new Sender({
      url,
      apiKey,
      onRetry: (reason) => {
        onRetry(reason);
        this.#countTry(reason);
      },
    });
  }

  send(request: Parameters<Sender["send"]>[0], signal: AbortSignal): Promise<Answer | undefined> {
    const sent = this.#turn.then(() => this.#send(request, signal));
    this.#turn = sent;
    return sent;
  }

  async #send(request: Parameters<Sender["send"]>[0], signal: AbortSignal): Promise<Answer | undefined> {
    this.#answeredTries = 0;
    this.#givingUp = new AbortController();
    const answer = await this.sender.send(request, AbortSignal.any([signal, this.#givingUp.signal]));
    if (answer !== undefined || signal.aborted) return answer;
    return { status: this.#lastStatus, body: Buffer.from(`tried ${MAX_ANSWERED_TRIES} times.`) };
  }

  #countTry(reason: string): void {
    const status = /^status (\d+)$/.exec(reason)?.[1];
    if (status === undefined) return;
    this.#lastStatus = Number(status);
    this.#answeredTries += 1;
    if (this.#answeredTries >= MAX_ANSWERED_TRIES) this.#givingUp.abort();
  }
}
