/** The faults of cables, and what each action makes of those that are there. Pure: fabric.ts puts them in place. */
import { NethsecError } from "@nethsec/host/error";
import type { NodeName } from "./topology.ts";

/** What is broken on purpose, by switch port ("primary.eth0"). */
export interface Faults {
  readonly cut: readonly string[];
  /** Percent of frames lost, each way. */
  readonly loss: Readonly<Record<string, number>>;
  /** Pairs of nodes whose frames to each other are dropped. */
  readonly partitions: readonly (readonly [NodeName, NodeName])[];
}
export const noFaults: Faults = { cut: [], loss: {}, partitions: [] };

export type Change = (faults: Faults) => Faults;

export function cutting(port: string): Change {
  return (faults) => ({ ...faults, cut: [...faults.cut.filter((each) => each !== port), port] });
}

/** Of these ports the cables are in and lose nothing; `whole`: a node that all others hear again. */
export function healing(ports: ReadonlySet<string>, whole: NodeName | undefined): Change {
  return ({ cut, loss, partitions }) => ({
    cut: cut.filter((port) => !ports.has(port)),
    loss: Object.fromEntries(Object.entries(loss).filter(([port]) => !ports.has(port))),
    partitions: whole === undefined ? partitions : partitions.filter((pair) => !pair.includes(whole)),
  });
}

/** 0 ends it. Throws `bad_percent`. */
export function losing(port: string, percent: number): Change {
  if (!(percent >= 0 && percent <= 100))
    throw new NethsecError({
      code: "bad_percent",
      message: `${percent} is not a percentage.`,
      advice: "Give a number from 0 to 100.",
      exitCode: 2,
    });
  return (faults) => {
    const { [port]: _replaced, ...others } = faults.loss;
    return { ...faults, loss: percent === 0 ? others : { ...others, [port]: percent } };
  };
}

export function parting(one: NodeName, other: NodeName): Change {
  return (faults) => ({ ...faults, partitions: [...faults.partitions, [one, other]] });
}
