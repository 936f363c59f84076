/**
 * One request with spans, from their bytes to what the server says of them.
 */
import { warnOnce } from "../diagnostics.ts";
import { compress } from "./compress.ts";
import type { Tally } from "./counters.ts";
import { requestOf } from "./encode.ts";
import type { Origin } from "./origin.ts";
import { toOutcome } from "./outcome.ts";
import type { PreparedSpan } from "./prepared-span.ts";
import { resourceWithReport } from "./report.ts";
import { countEnded, exportHeaders } from "./request.ts";
import { Sender } from "./sender.ts";
import { byteCount } from "./spool/record.ts";
import { AttachmentUploader } from "./upload-attachments.ts";

export interface DeliveryOptions {
  /** `http(s)://…` without a slash at the end. */
  readonly url: string;
  readonly apiKey?: string | undefined;
  readonly scope: { readonly name: string; readonly version: string };
  readonly tally: Tally;
  /** Bytes are in memory for a request, or no longer. */
  readonly memory: { hold(bytes: number): void; release(bytes: number): void };
  /** A try failed and another will follow. */
  readonly onRetry: (reason: string) => void;
}

/** Requests to one server. */
export class Delivery {
  /** Where export requests go. */
  readonly url: URL;
  readonly #options: DeliveryOptions;
  readonly #sender: Sender;
  readonly #uploader: AttachmentUploader;
  readonly #givingUp = new AbortController();

  constructor(options: DeliveryOptions) {
    const { url, apiKey, onRetry } = options;
    this.#options = options;
    this.url = new URL(`${url}/v1/traces`);
    this.#sender = new Sender({ url, apiKey, onRetry });
    this.#uploader = new AttachmentUploader({ url, apiKey, onRetry });
  }

  /** Headers of every request but those about the body. */
  get headers(): Readonly<Record<string, string>> {
    return this.#sender.headers;
  }

  /**
   * Sends spans of one experiment, and the files of theirs; counts what the server says. Takes as long as the server is away.
   *
   * @param isFinal  whether nothing will come after them
   * @returns false if it was given up: whoever closed the exporter has taken the spans
   */
  async deliver(spans: readonly PreparedSpan[], origin: Origin, isFinal: boolean): Promise<boolean> {
    const { scope, memory, tally } = this.#options;
    const resource = resourceWithReport(origin.identity, origin.numbers(), spans, isFinal);
    const body = await compress(requestOf(resource, scope, spans));
    if (spans.length > 0) origin.experiment = spans[0]?.experiment;
    const headers = exportHeaders(origin.experiment);
    const bytes = byteCount(body);
    memory.hold(bytes);
    // Side by side: a large file must not hold up the span.
    const { signal } = this.#givingUp;
    const [answer, attachments] = await Promise.all([
      this.#sender.send({ method: "POST", url: this.url, headers, body }, signal),
      this.#uploader.upload(
        spans.flatMap((span) => span.attachments),
        signal,
      ),
    ]);
    memory.release(bytes);
    if (answer === undefined || signal.aborted) return false;
    tally.addAttachments(attachments);
    tally.add("requests", 1);
    const ended = countEnded(spans);
    const { refused, message } = toOutcome(answer);
    const refusedSpans = refused === "all" ? ended : Math.min(refused, ended);
    origin.count({ sent: ended - refusedSpans, refused: refusedSpans });
    if (refusedSpans > 0 || message !== "") {
      warnOnce(
        `refused ${answer.status}`,
        `${addressOf(this.url)} refused ${plural(refusedSpans)} ${message} Refused spans are lost and counted in stats().`,
      );
    }
    return true;
  }

  /** Ends pauses before the next try. */
  hurry(): void {
    this.#sender.hurry();
    this.#uploader.hurry();
  }

  /** Gives up what is under way and closes the connections. */
  close(): void {
    this.#givingUp.abort();
    this.#sender.close();
    this.#uploader.close();
  }
}

/** Address for messages: without credentials that may be in the URL. */
export function addressOf({ origin, pathname }: URL): string {
  return origin + pathname;
}

/** `1 span`, `3 spans` */
export function plural(spans: number): string {
  return spans === 1 ? "1 span" : `${spans} spans`;
}
