// How numbers look in all reports.

export const throughput = (value: number): string => value.toFixed(value < 100 ? 1 : 0);
export const ratio = (value: number): string => value.toFixed(2);
export const latency = (milliseconds: number): string => milliseconds.toFixed(milliseconds < 10 ? 2 : 1);
export const count = (value: number | null): string => (value === null ? 'n/a' : value.toFixed(2));
export const bytes = (value: number): string => (value / 2 ** 20).toFixed(0);
