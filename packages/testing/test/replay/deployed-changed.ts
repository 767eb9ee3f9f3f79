import { OtherStep } from './changed.js';

export default { services: [OtherStep] };
