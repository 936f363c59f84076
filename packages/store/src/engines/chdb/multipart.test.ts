import fc from "fast-check";
import { expect, test } from "vitest";
import { readMultipart } from "./multipart.ts";

/** As `@clickhouse/client` writes it. */
function write(fields: readonly (readonly [string, string])[], boundary: string): Buffer {
  const parts = fields.map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  return Buffer.from(`${parts.join("")}--${boundary}--\r\n`);
}

test("gives back the fields in order, whatever their values are", () => {
  const value = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("\r\n", "\r\n--", "--x", "", "\r\n\r\n"));
  const name = fc.stringMatching(/^\w{1,20}$/);
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          name,
          value.map((text) => text.toWellFormed()),
        ),
        { maxLength: 8 },
      ),
      (fields) => {
        expect(readMultipart(write(fields, "----boundary-1234"), "----boundary-1234")).toEqual(fields);
      },
    ),
  );
});

test("refuses a body that is cut, or has another boundary", () => {
  const whole = write([["query", "SELECT 1"]], "b");
  expect(() => readMultipart(whole.subarray(0, whole.length - 8), "b")).toThrow("INCORRECT_DATA");
  expect(() => readMultipart(whole, "other")).toThrow("INCORRECT_DATA");
});
