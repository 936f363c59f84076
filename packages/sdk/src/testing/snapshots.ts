/**
 * What a snapshot says, read as the server would: by its JSON text.
 */
import { blobToText, bytesToData } from "../capture/binary.ts";
import type { Snapshot } from "../capture/serialize.ts";
import { JsonEncoder } from "../export/encode-json.ts";

/** JSON text of a snapshot; binary data is shown by its start, files stay in their texts. */
export function jsonOf(snapshot: Snapshot): string {
  const encoder = new JsonEncoder(snapshot.tape);
  for (let step = encoder.step(); step !== "done"; step = encoder.step()) {
    if (step === "more") continue;
    if (!("token" in step)) encoder.replace(undefined);
    else encoder.replace(step.token === "bytes" ? bytesToData(step) : blobToText(step));
  }
  const { chunks, length } = encoder.text;
  const bytes = Buffer.concat(chunks);
  if (bytes.length !== length) throw new Error(`the text is said to have ${length} bytes and has ${bytes.length}`);
  return bytes.toString("utf8");
}

/** The JSON data of a snapshot. */
export function dataOf(snapshot: Snapshot): unknown {
  return JSON.parse(jsonOf(snapshot));
}
