/** A child with a child of its own. */
import { Child, childSide } from '@apiary/testing/internal';

const side = childSide();
const child = await Child.spawn(new URL('./calling-child.js', import.meta.url), { args: ['points'] });
await child.ready;
await side.point('has a child', child.pid);
