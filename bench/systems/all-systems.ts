/**
 * The systems that can be measured, as a table; a new one is a row here and a file beside this one.
 */
import { mlflow } from "../peers/mlflow.ts";
import { phoenix } from "../peers/phoenix.ts";
import { sightline } from "./sightline.ts";
import type { System } from "./system.ts";

const peers: Readonly<Record<string, () => System>> = {
  "mlflow-sqlite": () => mlflow("sqlite"),
  "mlflow-postgres": () => mlflow("postgres"),
  phoenix,
};

/**
 * Sightline and the named peers.
 *
 * @param names  separated by commas; `all`; "" = none
 * @throws if a name is not known
 */
export function systemsNamed(from: "build" | "source", names: string): System[] {
  const wanted = names === "all" ? Object.keys(peers) : names.split(",").filter((name) => name !== "");
  return [
    sightline(from),
    ...wanted.map((name) => {
      const make = peers[name];
      if (!make) throw new Error(`There is no peer "${name}"; there are ${Object.keys(peers).join(", ")}.`);
      return make();
    }),
  ];
}
