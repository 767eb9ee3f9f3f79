/** What a module that `Child` runs uses to talk to its parent. */

/** @internal */
export type FromChild =
  | { readonly type: 'ready'; readonly value: unknown }
  | { readonly type: 'result'; readonly value: unknown }
  | { readonly type: 'point'; readonly id: number; readonly name: string; readonly detail: unknown };
/** @internal */
export type ToChild = { readonly type: 'continue'; readonly id: number } | { readonly type: 'message'; readonly message: unknown };

export interface ChildSide {
  /** The child is set up. */
  ready(value?: unknown): void;
  /** Tells the parent that this point is reached, and waits until it lets the child go on. */
  point(name: string, detail?: unknown): Promise<void>;
  /** The child's result; resolves when the parent has it. */
  result(value?: unknown): Promise<void>;
  onMessage(listener: (message: unknown) => void): void;
  /** Ends the connection to the parent, so that the process can end. */
  leave(): void;
}

/** @throws Error in a process that `Child` did not start */
export function childSide(): ChildSide {
  if (process.send === undefined) throw new Error('this module runs as a child: start it with Child.spawn');
  const waiting = new Map<number, () => void>();
  const listeners: ((message: unknown) => void)[] = [];
  let points = 0;
  let left = false;
  process.on('message', (message: ToChild) => {
    if (message.type === 'message') {
      for (const listener of listeners) listener(message.message);
      return;
    }
    waiting.get(message.id)?.();
    waiting.delete(message.id);
  });
  // A parent that was killed cannot end its child.
  process.once('disconnect', () => left || process.exit(1));
  const tell = (message: FromChild): Promise<void> => new Promise((resolve) => void process.send?.(message, undefined, undefined, () => resolve()));
  return {
    ready: (value) => void tell({ type: 'ready', value }),
    result: (value) => tell({ type: 'result', value }),
    point(name, detail) {
      const id = ++points;
      const continued = new Promise<void>((resolve) => waiting.set(id, resolve));
      void tell({ type: 'point', id, name, detail });
      return continued;
    },
    onMessage: (listener) => void listeners.push(listener),
    leave() {
      left = true;
      process.disconnect();
    },
  };
}
