/** The number in `steps-1000`: a workflow of that many no-op communicators. Undefined for other names. */
export function stepsOf(workload: string): number | undefined {
  const found = /^steps-(\d+)$/.exec(workload);
  return found ? Number(found[1]) : undefined;
}
