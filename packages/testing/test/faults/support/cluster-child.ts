/** A child that starts a cluster and is killed with it up. */
import { childSide, Postgres15 } from '@apiary/testing/internal';

const side = childSide();
const cluster = await Postgres15.create();
await side.point('up', { pid: cluster.pid, dataDirectory: cluster.dataDirectory });
