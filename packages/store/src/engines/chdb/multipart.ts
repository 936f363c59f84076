/**
 * Fields of a multipart/form-data body, as the official client sends long parameters (`use_multipart_params`).
 *
 * @see RFC 7578
 */
import { exception } from "./clickhouse-error.ts";

/**
 * Gives name and UTF-8 text of each field, in order.
 *
 * @throws ClickHouseException if the body does not keep to its boundary
 */
export function readMultipart(body: Buffer, boundary: string): [name: string, value: string][] {
  const fields: [string, string][] = [];
  const delimiter = Buffer.from(`--${boundary}`);
  let at = body.indexOf(delimiter);
  while (at >= 0) {
    const start = at + delimiter.length;
    if (body.subarray(start, start + 2).toString("latin1") === "--") return fields;
    const headEnd = body.indexOf("\r\n\r\n", start);
    const end = body.indexOf(Buffer.concat([Buffer.from("\r\n"), delimiter]), headEnd);
    if (headEnd < 0 || end < 0) break;
    const name = /name="([^"]*)"/i.exec(body.subarray(start, headEnd).toString("utf8"))?.[1];
    if (name === undefined) break;
    fields.push([name, body.subarray(headEnd + 4, end).toString("utf8")]);
    at = end + 2;
  }
  throw exception("INCORRECT_DATA", "The multipart body cannot be read: a boundary or a field name is missing.");
}
