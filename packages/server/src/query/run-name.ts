/**
 * Names for runs that were given none: easier to say and to tell apart than ids.
 */
import { randomInt } from "node:crypto";

const ADJECTIVES = [
  ...["able", "amber", "ancient", "bold", "brave", "brief", "bright", "brisk", "calm", "candid", "careful", "clever"],
  ...[
    "cosmic",
    "curious",
    "daring",
    "deft",
    "eager",
    "early",
    "fair",
    "fearless",
    "fluent",
    "gentle",
    "golden",
    "grand",
  ],
  ...["handy", "honest", "humble", "jolly", "keen", "kind", "lively", "lucid", "lucky", "mellow", "merry", "mighty"],
  ...["nimble", "noble", "patient", "placid", "polite", "proud", "quick", "quiet", "rapid", "sage", "serene", "silent"],
  ...["sincere", "steady", "stoic", "sunny", "swift", "tidy", "upbeat", "vivid", "wise", "witty", "young", "zesty"],
] as const;

const NOUNS = [
  ...["ant", "auk", "bat", "bear", "bee", "bird", "boar", "carp", "cat", "colt", "crab", "crane"],
  ...["crow", "deer", "dolphin", "dove", "duck", "eel", "elk", "falcon", "finch", "fish", "fox", "frog"],
  ...["goat", "goose", "gull", "hare", "hawk", "heron", "horse", "ibis", "jay", "koi", "lamb", "lark"],
  ...["loon", "lynx", "mole", "moose", "moth", "mouse", "newt", "otter", "owl", "panda", "perch", "pig"],
  ...["quail", "ray", "robin", "seal", "shrew", "snail", "stag", "swan", "toad", "trout", "whale", "wren"],
] as const;

/** E.g. `brave-otter-417`. */
export function inventRunName(): string {
  return `${pick(ADJECTIVES)}-${pick(NOUNS)}-${randomInt(1000)}`;
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? "";
}
