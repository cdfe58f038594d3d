/** Amounts as Kubernetes spells them: `250m` and `2` of processors, `512Ki` and `1.5Gi` of bytes. */

const factors: Readonly<Record<string, number>> = {
  ...{ n: 1e-9, u: 1e-6, m: 1e-3, '': 1 },
  ...{ k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 },
}

/** In its base unit, processors or bytes; not a number for a text that is none. */
export function amountOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(text)
  return match === null ? Number.NaN : Number(match[1]) * (factors[match[2] ?? ''] ?? Number.NaN)
}
