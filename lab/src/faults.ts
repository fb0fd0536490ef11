/** State of injected network faults, and how each command changes it. Pure: fabric.ts applies the result. */
import { NethsecError } from "@nethsec/host/error";
import type { NodeName } from "./topology.ts";

/** Injected faults, by switch port ("primary.eth0"). */
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

/** Reconnects these ports and ends their packet loss; `whole`: a node whose partitions are ended as well. */
export function healing(ports: ReadonlySet<string>, whole: NodeName | undefined): Change {
  return ({ cut, loss, partitions }) => ({
    cut: cut.filter((port) => !ports.has(port)),
    loss: Object.fromEntries(Object.entries(loss).filter(([port]) => !ports.has(port))),
    partitions: whole === undefined ? partitions : partitions.filter((pair) => !pair.includes(whole)),
  });
}

/** Sets the packet loss of a port; 0 ends it. Throws `bad_percent`. */
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
