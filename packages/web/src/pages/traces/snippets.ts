/**
 * The programs that the first-run page shows: each, pasted and run, sends one trace.
 *
 * Plain text in, plain text out, so that tests can run what people paste.
 */
import type { Experiment } from "@sightline/wire/model/experiment";

export interface SnippetTarget {
  /** Address of the server without a slash at the end: `http://127.0.0.1:5500`. */
  readonly url: string;
  readonly experiment: Pick<Experiment, "experimentId" | "name">;
}

export interface Snippet {
  readonly id: "typescript" | "python" | "curl";
  readonly title: string;
  /** Shell command that installs what the program needs; absent when that is nothing. */
  readonly install?: string;
  /** Name of the file to paste it into; absent for a command line. */
  readonly file?: string;
  readonly code: string;
}

/** The snippets in the order of their tabs. */
export function snippets(target: SnippetTarget): readonly [Snippet, ...Snippet[]] {
  return [typescript(target), python(target), curl(target)];
}

function typescript({ url, experiment }: SnippetTarget): Snippet {
  return {
    id: "typescript",
    title: "TypeScript",
    // A comment of the shell: pasted as it is, only the command runs.
    install: "npm install @sightline/sdk   # not on npm yet: npm install CHECKOUT/packages/sdk",
    file: "hello.ts",
    code: `import * as sightline from "@sightline/sdk";

sightline.init({ url: ${quote(url)}, experiment: ${quote(experiment.name)} });

const greet = sightline.trace(async (name: string) => \`Hello \${name}\`, {
  name: "greet",
  spanType: "CHAIN",
});

await greet("world");
await sightline.flush();
`,
  };
}

function python({ url, experiment }: SnippetTarget): Snippet {
  const { name, value } = experimentHeader(experiment);
  return {
    id: "python",
    title: "Python",
    install: "pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http",
    file: "hello.py",
    code: `from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
exporter = OTLPSpanExporter(
    endpoint=${quote(`${url}/v1/traces`)},
    headers={${quote(name)}: ${quote(value)}},
)
provider.add_span_processor(BatchSpanProcessor(exporter))
trace.set_tracer_provider(provider)

with trace.get_tracer("hello").start_as_current_span("greet") as span:
    span.set_attribute("openinference.span.kind", "CHAIN")
    span.set_attribute("input.value", "world")
    span.set_attribute("output.value", "Hello world")

provider.shutdown()
`,
  };
}

function curl({ url, experiment }: SnippetTarget): Snippet {
  const { name, value } = experimentHeader(experiment);
  // Ids from /dev/urandom by od: both are POSIX, openssl and date's %N are not.
  const hex = (bytes: number) => `'"$(od -An -N${bytes} -tx1 /dev/urandom | tr -dc a-f0-9)"'`;
  return {
    id: "curl",
    title: "OTLP with curl",
    code: `curl -sS ${shellQuote(`${url}/v1/traces`)} \\
  -H 'content-type: application/json' \\
  -H ${shellQuote(`${name}: ${value}`)} \\
  -d '{ "resourceSpans": [{ "scopeSpans": [{ "spans": [{
    "traceId": "${hex(16)}",
    "spanId": "${hex(8)}",
    "name": "greet",
    "kind": 1,
    "startTimeUnixNano": "'"$(date +%s)000000000"'",
    "endTimeUnixNano": "'"$(date +%s)042000000"'",
    "attributes": [
      { "key": "openinference.span.kind", "value": { "stringValue": "CHAIN" } },
      { "key": "input.value", "value": { "stringValue": "world" } },
      { "key": "output.value", "value": { "stringValue": "Hello world" } }
    ]
  }] }] }] }'
`,
  };
}

/** The header that names the experiment. HTTP headers carry ASCII: other names go by their id. */
function experimentHeader({ experimentId, name }: SnippetTarget["experiment"]): { name: string; value: string } {
  return /^[\x20-\x7e]+$/.test(name) && name === name.trim()
    ? { name: "x-sightline-experiment", value: name }
    : { name: "x-mlflow-experiment-id", value: experimentId };
}

/** A string literal of JavaScript, which is one of Python too. */
function quote(text: string): string {
  return JSON.stringify(text);
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
