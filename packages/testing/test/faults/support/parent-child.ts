/** A child with a child of its own, which has a timer and so does not end for want of work. */
import { Child, childSide } from '@apiary/testing/internal';

const side = childSide();
const child = await Child.spawn(new URL('./calling-child.js', import.meta.url), { args: ['count'] });
await child.ready;
await side.point('has a child', child.pid);
