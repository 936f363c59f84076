import { SightlineError } from "@sightline/wire/errors";
import { expect, test } from "vitest";
import { explainFailure } from "./failure.ts";

test("an error of ours is its sentence", () => {
  const error = new SightlineError("PORT_IN_USE", "Port 1 is in use; choose another.", {
    cause: new Error("EADDRINUSE"),
  });
  expect(explainFailure(error, {})).toBe("Port 1 is in use; choose another.");
});

test("any other error is one line that says how to learn more", () => {
  expect(explainFailure(new Error("cannot read the sky.\nsecond line"), {})).toBe(
    "Sightline failed: cannot read the sky; set SIGHTLINE_DEBUG=1 to see where.",
  );
  expect(explainFailure("text", {})).toBe("Sightline failed: text; set SIGHTLINE_DEBUG=1 to see where.");
});

test("SIGHTLINE_DEBUG=1 adds the stacks of the error and its causes", () => {
  const error = new SightlineError("PORT_IN_USE", "In use.", { cause: new TypeError("why") });
  const text = explainFailure(error, { SIGHTLINE_DEBUG: "1" });
  expect(text).toMatch(/^In use\.\nSightlineError: In use\.\n\s+at /);
  expect(text).toMatch(/\nCaused by:\nTypeError: why\n\s+at /);
});
