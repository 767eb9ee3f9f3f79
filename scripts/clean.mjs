import { clean } from './tools.mjs';

clean();
